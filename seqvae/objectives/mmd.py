"""Maximum mean discrepancy (Gretton et al. 2012): the distance of two distributions as a kernel sees it.

    MMD^2 = E k(x,x') + E k(y,y') - 2 E k(x,y)

| kernel | k, with d the distance and K the dimension | source |
|---|---|---|
| `imq` | sum over s of C/(C + d^2), C = 2 K s, s in {.1, .2, .5, 1, 2, 5, 10} | WAE (Tolstikhin et al. 2018, arXiv 1711.01558) |
| `rbf` | exp(-d^2 / (2 bandwidth^2)); without a bandwidth, the median of d over the samples | the median heuristic |
| `info` | exp(-d^2 / K^2) | InfoVAE's public code; wide: at K = 32 two draws of N(0, I) have k = 0.94, and the gradient is weak |

The biased estimate averages over all pairs and carries O(1/N) for the N equal ones; the unbiased one leaves these out, may be
negative, and is not clamped, since that would bias it again. MMD^2 is a pure number, not nats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor

from seqvae.objectives.divergences import Divergence
from seqvae.registry import register

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
Kernel = Callable[[Tensor], Tensor]  # squared distances to similarities


def imq(squares: Tensor, dimensions: int) -> Tensor:
    """The inverse multiquadric summed over seven scales; its tails reach latents that an RBF kernel has lost sight of."""
    return torch.stack([scale / (scale + squares) for scale in (2 * dimensions * s for s in SCALES)]).sum(0)


def rbf(squares: Tensor, bandwidth: float | Tensor) -> Tensor:
    """The Gaussian kernel."""
    return torch.exp(-squares / (2 * bandwidth**2))


def info(squares: Tensor, dimensions: int) -> Tensor:
    """InfoVAE's kernel, exp(-mean over dimensions of the squared difference / K)."""
    return torch.exp(-squares / dimensions**2)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """`[N,M]` between the rows of `x [N,K]` and `y [M,K]`, without the cancellation of the expanded square."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


def mmd_squared(x: Tensor, y: Tensor, kernel: Kernel, unbiased: bool = True) -> Tensor:
    """MMD^2 of the samples `x [N,K]` and `y [M,K]`, a scalar.

    Args:
        kernel: squared distances to similarities, element by element.
        unbiased: leave the N + M pairs of a sample with itself out; needs two samples on either side, else it is the biased
            estimate.
    """
    unbiased = unbiased and min(len(x), len(y)) > 1
    within = [_mean(kernel(squared_distances(side, side)), unbiased) for side in (x, y)]
    return within[0] + within[1] - 2 * kernel(squared_distances(x, y)).mean()


def _mean(similarities: Tensor, unbiased: bool) -> Tensor:
    """The mean over pairs, of different samples alone where it is to be unbiased."""
    if not unbiased:
        return similarities.mean()
    count = len(similarities)
    return (similarities.sum() - similarities.diagonal().sum()) / (count * (count - 1))


@register("divergence", "mmd")
class Mmd(Divergence):
    """MMD^2 between latents of a batch and samples of the prior. Needs batches of many sequences: its error falls with their
    number.

    Args:
        kernel: see the table above.
        bandwidth: of `rbf`, in the latent's own unit; the median heuristic when None.
        estimate: `unbiased`, or `biased`.
    """

    def __init__(
        self,
        *,
        kernel: Literal["imq", "rbf", "info"] = "imq",
        bandwidth: PositiveFloat | None = None,
        estimate: Literal["unbiased", "biased"] = "unbiased",
    ) -> None:
        super().__init__()
        self.kernel, self.bandwidth, self.unbiased = kernel, bandwidth, estimate == "unbiased"

    def forward(self, z: Tensor, prior: Tensor) -> Tensor:
        """MMD^2, a scalar, from `z [N,*event]` and `prior [N,*event]`."""
        z, prior = z.flatten(1), prior.flatten(1)
        return mmd_squared(z, prior, self._kernel(z, prior), self.unbiased)

    def _kernel(self, z: Tensor, prior: Tensor) -> Kernel:
        dimensions = z.shape[1]
        if self.kernel == "rbf":
            width = self.bandwidth if self.bandwidth is not None else _median_distance(z.detach(), prior.detach())
            return lambda squares: rbf(squares, width)
        chosen = {"imq": imq, "info": info}[self.kernel]
        return lambda squares: chosen(squares, dimensions)


def _median_distance(x: Tensor, y: Tensor) -> Tensor:
    """The median distance between different samples of both sides together; never 0, which no kernel could divide by."""
    pooled = torch.cat([x, y])
    return torch.nn.functional.pdist(pooled).median().clamp(min=torch.finfo(pooled.dtype).tiny ** 0.25)
