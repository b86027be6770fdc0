"""Rate policies: what the loss charges for the rate, `shape(rate)` in `distortion + beta * shape(rate)`.

Free bits (Kingma et al. 2016, arXiv 1606.04934) gives a number of nats for nothing, so that a posterior has no reason to fall below
it. Four variants go by that name in the literature and differ by much, so each has its own name here:

| variant | charged | used by |
|---|---|---|
| `dimension_batch` | sum_j max(mean_i KL_ij, nats) | Kingma et al. 2016 |
| `dimension_sample` | mean_i sum_j max(KL_ij, nats) | Li et al. 2019 (arXiv 1909.00868), Optimus |
| `total` | mean_i max(sum_j KL_ij, nats) | "target rate" |
| `total_batch` | max(mean_i sum_j KL_ij, nats) | sketch-rnn's KL floor (Ha & Eck 2017, arXiv 1704.03477) |

sketch-rnn states its floor of 0.20 for the mean over its 128 dimensions: 25.6 nats here. All four have exactly zero gradient below
the threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor

from seqvae.rate import Rate
from seqvae.registry import register

Across = Callable[[Tensor], Tensor]


class RatePolicy(Protocol):
    """What the loss charges for a rate."""

    def __call__(self, rate: Rate, across: Across) -> Tensor:
        """Nats charged per sequence, `[B]`. `across` averages a per-rank batch mean over all ranks."""


def per_sequence(rate: Tensor) -> Tensor:
    """`[S,B,K]` or `[B,K]` nats to `[B,K]`: estimates are averaged over their samples first."""
    return rate.mean(0) if rate.dim() == 3 else rate


@register("rate_policy", "plain")
class Plain:
    """The rate as it is."""

    def __call__(self, rate: Rate, across: Across) -> Tensor:
        """The sum over dimensions, `[B]` nats."""
        return per_sequence(rate.per_dimension).sum(-1)


@register("rate_policy", "free_bits")
class FreeBits:
    """A floor under the rate.

    Args:
        variant: see the table above.
        nats: the threshold, per dimension (for `total` and `total_batch`: of the sum).
    """

    def __init__(
        self,
        *,
        variant: Literal["dimension_batch", "dimension_sample", "total", "total_batch"] = "dimension_batch",
        nats: Annotated[float, Field(ge=0)] = 0.25,
    ) -> None:
        self.variant, self.nats = variant, nats

    def __call__(self, rate: Rate, across: Across) -> Tensor:
        """The rate, never below the floor, `[B]` nats."""
        nats = per_sequence(rate.per_dimension)  # [B,K]
        if self.variant == "total":
            return nats.sum(-1).clamp(min=self.nats)
        if self.variant == "dimension_sample":
            return nats.clamp(min=self.nats).sum(-1)
        if self.variant == "total_batch":
            nats = nats.sum(-1, keepdim=True)  # [B,1]: one dimension that holds them all
        # one value a sequence whose mean is sum_j max(mean_i KL_ij, nats): a dimension is charged for all sequences or for none
        above = across(nats.detach().mean(0)) > self.nats  # [K]
        return torch.where(above, nats, torch.full_like(nats, self.nats)).sum(-1)
