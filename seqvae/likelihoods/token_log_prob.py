"""log softmax(W h + b)[target] for every position, without ever holding a full-precision table of logits.

With a vocabulary of 10,000 the output layer is most of a text VAE's training step, and most of that is memory traffic: the usual
log-softmax writes `[N,V]` logits, reads them in float32, writes the log-probabilities and reads them again in the backward pass. Here
the positions go through in blocks whose logits fit in the cache; only the probabilities are kept, in the compute precision, and the
gradient of the logits, g (onehot - softmax), is made from them block by block. Sums are in float32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK_ELEMENTS = 1_250_000  # logits of one block: 2.5 MB in bf16, inside the cache of a server core
KEEP_ELEMENTS = 2**29  # probabilities kept for the backward pass (1 GB in bf16); beyond, they are made again


def token_log_prob(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """log p(target | features) in nats, `[N]`, float32 (float64 for float64 input).

    Args:
        features: `[N,H]`.
        weight, bias: `[V,H]` and `[V]` of the output layer.
        targets: `[N]` token ids.

    Under autocast the matrix products run in the autocast precision.
    """
    device = features.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
    if dtype.itemsize < weight.dtype.itemsize or features.dtype != dtype:
        features, weight = features.to(dtype), weight.to(dtype)
        bias = None if bias is None else bias.to(dtype)
    if torch.is_grad_enabled() and (features.requires_grad or weight.requires_grad):
        return _TokenLogProb.apply(features, weight, bias, targets)  # type: ignore[no-any-return]
    scores = [_block(features[rows], weight, bias, targets[rows])[0] for rows in _blocks(features, weight)]
    return torch.cat(scores) if scores else features.new_zeros(0)


def _blocks(features: Tensor, weight: Tensor) -> list[slice]:
    rows = max(16, BLOCK_ELEMENTS // weight.shape[0]) if features.device.type == "cpu" else max(16, 2**28 // weight.shape[0])
    return [slice(i, i + rows) for i in range(0, features.shape[0], rows)]


def _block(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Scores `[n]` and probabilities `[n,V]` of one block.

    log p(t) = (l_t - max l) + log max p: the largest probability is at least 1/V, so the logarithm is always safe.
    """
    logits = features @ weight.t() if bias is None else torch.addmm(bias, features, weight.t())
    wide = torch.promote_types(logits.dtype, torch.float32)
    probabilities = torch.softmax(logits, dim=-1, dtype=wide)
    gap = logits.gather(1, targets[:, None]).squeeze(1).to(wide) - logits.amax(dim=-1).to(wide)
    return gap + probabilities.amax(dim=-1).log(), probabilities


class _TokenLogProb(torch.autograd.Function):
    """The blocks above. The gradient of the logits is g (onehot - p): the one-hot half is a row look-up, the p half two products."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
        scores = features.new_empty(features.shape[0], dtype=torch.promote_types(features.dtype, torch.float32))
        ctx.kept = None
        if features.shape[0] * weight.shape[0] <= KEEP_ELEMENTS:
            ctx.kept = features.new_empty(features.shape[0], weight.shape[0])
        for rows in _blocks(features, weight):
            scores[rows], probabilities = _block(features[rows], weight, bias, targets[rows])
            if ctx.kept is not None:
                ctx.kept[rows] = probabilities
        ctx.save_for_backward(features, weight, bias, targets)
        return scores

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        features, weight, bias, targets = ctx.saved_tensors
        kept, ctx.kept = ctx.kept, None  # overwritten below: a second backward pass makes the probabilities again
        g = grad[:, None].to(features.dtype)
        grad_features = g * weight[targets]
        grad_weight = torch.zeros(weight.shape, dtype=grad.dtype, device=grad.device)
        grad_weight.index_add_(0, targets, grad[:, None] * features)
        grad_bias = torch.zeros(weight.shape[0], dtype=grad.dtype, device=grad.device).index_add_(0, targets, grad)
        for rows in _blocks(features, weight) if kept is None else [slice(None)]:
            p = _block(features[rows], weight, bias, targets[rows])[1].to(features.dtype) if kept is None else kept
            slope = p.mul_(g[rows])
            grad_features[rows] -= slope @ weight
            grad_weight -= slope.t() @ features[rows]
            grad_bias -= slope.sum(0)
        return grad_features, grad_weight.to(weight.dtype), None if bias is None else grad_bias.to(weight.dtype), None
