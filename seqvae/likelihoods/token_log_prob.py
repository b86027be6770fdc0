"""log softmax(W h + b)[target] for every position, without ever holding a full-precision table of logits.

With a vocabulary of 10,000 the output layer is most of a text VAE's training step, and much of that is memory traffic: the usual
log-softmax writes `[N,V]` logits, reads them in float32, writes the log-probabilities and reads them again in the backward pass.
Here the positions go through in blocks whose logits fit in the cache, and one table is kept, in the compute precision: softmax -
onehot, which is all that the backward pass needs. The difference is taken in float32, before rounding, so that a confident
prediction leaves no false gradient behind. Sums are in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK_ELEMENTS = 2_500_000  # logits of one block for each CPU thread: 250 rows of 10,000, the fastest of 64 to 1,000 a thread
DEVICE_BLOCK_ELEMENTS = 2**28  # on accelerators: large enough that launches cost nothing, 1 GB in float32
KEEP_ELEMENTS = 2**29  # slopes kept for the backward pass (1 GB in bf16); beyond, they are made again


def token_log_prob(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """log p(target | features) in nats, `[N]`, float32 (float64 for float64 input).

    Args:
        features: `[N,H]`.
        weight, bias: `[V,H]` and `[V]` of the output layer.
        targets: `[N]` token ids.

    Under autocast the matrix products run in the autocast precision.
    """
    features, weight, bias = _in_compute_precision(features, weight, bias)
    if torch.is_grad_enabled() and (features.requires_grad or weight.requires_grad):
        return _TokenLogProb.apply(features, weight, bias, targets)
    return torch.cat([_scores(features[rows], weight, bias, targets[rows]) for rows in _blocks(features, weight)])


def _in_compute_precision(features: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """All three in the autocast precision where autocast is on (it leaves float64 alone), else in the weight's."""
    device, dtype = features.device.type, weight.dtype
    if torch.is_autocast_enabled(device) and dtype != torch.float64:
        dtype = torch.get_autocast_dtype(device)
    return features.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)


def _blocks(features: Tensor, weight: Tensor) -> list[slice]:
    elements = BLOCK_ELEMENTS * torch.get_num_threads() if features.device.type == "cpu" else DEVICE_BLOCK_ELEMENTS
    rows = max(16, elements // weight.shape[0])
    return [slice(i, i + rows) for i in range(0, features.shape[0], rows)]


def _logits(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return features @ weight.t() if bias is None else torch.addmm(bias, features, weight.t())


def _scores(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """Scores `[n]` of one block."""
    logits = _logits(features, weight, bias)
    wide = torch.promote_types(logits.dtype, torch.float32)
    return torch.log_softmax(logits, dim=-1, dtype=wide).gather(1, targets[:, None]).squeeze(1)


def _block(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Scores `[n]` and probabilities `[n,V]` of one block, with one exponential for both.

    log p(t) = (l_t - max l) + log max p: the largest probability is at least 1/V, so the logarithm is always safe.
    """
    logits = _logits(features, weight, bias)
    wide = torch.promote_types(logits.dtype, torch.float32)
    probabilities = torch.softmax(logits, dim=-1, dtype=wide)
    gap = logits.gather(1, targets[:, None]).squeeze(1).to(wide) - logits.amax(dim=-1).to(wide)
    return gap + probabilities.amax(dim=-1).log(), probabilities


def _less_one_hot(probabilities: Tensor, targets: Tensor) -> Tensor:
    """softmax - onehot `[n,V]`, minus the gradient of the scores by the logits; overwrites its argument."""
    ones = probabilities.new_ones(()).expand(len(targets), 1)
    return probabilities.scatter_add_(1, targets[:, None], -ones)


class _TokenLogProb(torch.autograd.Function):
    """The blocks above, with the gradients of three plain products."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        scores = features.new_empty(features.shape[0], dtype=torch.promote_types(features.dtype, torch.float32))
        keep = features.shape[0] * weight.shape[0] <= KEEP_ELEMENTS
        slopes = features.new_empty(features.shape[0], weight.shape[0]) if keep else None
        for rows in _blocks(features, weight):
            scores[rows], probabilities = _block(features[rows], weight, bias, targets[rows])
            if slopes is not None:
                slopes[rows] = _less_one_hot(probabilities, targets[rows])
        ctx.save_for_backward(features, weight, bias, targets, slopes)
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        features, weight, bias, targets, slopes = ctx.saved_tensors
        needs_features, needs_weight, needs_bias, _ = ctx.needs_input_grad
        g = -grad.to(features.dtype)  # [N]
        grad_features = torch.empty_like(features) if needs_features else None
        grad_weight: Tensor | None = None
        grad_bias: Tensor | None = None
        for rows in _blocks(features, weight) if slopes is None else [slice(None)]:
            slope = _slope_again(features[rows], weight, bias, targets[rows]) if slopes is None else slopes  # [n,V]
            if grad_features is not None:
                torch.mul(slope @ weight, g[rows, None], out=grad_features[rows])
            if needs_weight:
                grad_weight = _plus(grad_weight, slope.t() @ (features[rows] * g[rows, None]))
            if needs_bias:
                grad_bias = _plus(grad_bias, slope.t() @ g[rows])
        return grad_features, _rounded(grad_weight, weight), _rounded(grad_bias, weight), None


def _slope_again(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    return _less_one_hot(_block(features, weight, bias, targets)[1], targets).to(features.dtype)


def _plus(total: Tensor | None, part: Tensor) -> Tensor:
    """A running sum over blocks, in float32 or wider from the second block on."""
    return part if total is None else total.to(torch.promote_types(part.dtype, torch.float32)) + part


def _rounded(gradient: Tensor | None, like: Tensor) -> Tensor | None:
    return None if gradient is None else gradient.to(like.dtype)
