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
the threshold. A floor under each sequence wants its divergence, not an estimate at a sample: E max(estimate, nats) lies above
max(E estimate, nats), and a sequence well above the floor would go free whenever chance takes its estimate below. Such a rate (of a
flow, or against a mixture) is known well enough on the batch mean.

Capacity (Burgess et al. 2018, arXiv 1804.03599) holds the rate at a number of nats that grows with training. Policies with a
multiplier that is learnt beside the model are in `multipliers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn

from seqvae.errors import ConfigError
from seqvae.objectives.loss import Loss
from seqvae.objectives.schedules import Linear, Schedule
from seqvae.rate import Rate
from seqvae.registry import Part, register

Across = Callable[[Tensor], Tensor]


class RatePolicy(nn.Module):
    """What the loss charges for a rate; a module, so that a learnt multiplier (a buffer) is saved with the objective."""

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """Nats charged per sequence, `[B]`, at a global step. `across` averages a per-rank batch mean over all ranks."""
        raise NotImplementedError

    def learn(self, losses: Sequence[Loss], across: Across) -> None:
        """Told the losses of each global step once it is done; most policies learn nothing."""

    def scalars(self) -> dict[str, float]:
        """Plain numbers to report."""
        return {}


def per_sequence(rate: Tensor) -> Tensor:
    """`[S,B,K]` or `[B,K]` nats to `[B,K]`: estimates are averaged over their samples first."""
    return rate.mean(0) if rate.dim() == 3 else rate


@register("rate_policy", "plain")
class Plain(RatePolicy):
    """The rate as it is."""

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """The sum over dimensions, `[B]` nats."""
        return per_sequence(rate.per_dimension).sum(-1)


@register("rate_policy", "free_bits")
class FreeBits(RatePolicy):
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
        super().__init__()
        self.variant, self.nats = variant, nats

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """The rate, never below the floor, `[B]` nats.

        Raises:
            ConfigError: a floor for each dimension, under a rate that is known as a whole only; one for each sequence, under a rate
                that is estimated.
        """
        if rate.estimated and self.variant in ("dimension_sample", "total"):
            raise ConfigError(
                f"objective.rate.variant={self.variant} wants the rate of each sequence, and of this posterior against this prior "
                f"only estimates are known; give variant=total_batch and nats={self._together(rate):g} for the batch mean"
            )
        if rate.whole and self.variant in ("dimension_batch", "dimension_sample"):
            raise ConfigError(
                f"objective.rate.variant={self.variant} wants the rate of each dimension, and of this posterior against this prior "
                f"only the sum is known; give variant=total_batch and nats={self._together(rate):g} for all "
                f"{rate.dimensions} together"
            )
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

    def _together(self, rate: Rate) -> float:
        """The threshold for the sum over dimensions that amounts to the same."""
        return self.nats * (1 if self.variant.startswith("total") else rate.dimensions)


@register("rate_policy", "capacity")
class Capacity(RatePolicy):
    """weight * |rate - C(t)|: the rate is held at the capacity, from above and from below.

    The distance is that of the batch mean, so that single sequences may have more or less.

    Args:
        nats: C, of the sum over dimensions, a schedule of the global step or a number; 0 to 25 over 100,000 steps when absent.
        weight: gamma of the paper.
    """

    def __init__(self, *, nats: Annotated[Schedule | None, Part("schedule")] = None, weight: PositiveFloat = 100.0) -> None:
        super().__init__()
        self.nats: Schedule = nats or Linear(steps=100_000, stop=25.0)
        self.weight = weight

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """`[B]` nats, with the mean `weight * |mean rate - C(t)|`."""
        total, capacity = per_sequence(rate.per_dimension).sum(-1), self.nats(step)
        side = torch.sign(across(total.detach().mean()) - capacity)
        return self.weight * side * (total - capacity)


@register("rate_policy", "balanced")
class Balanced(RatePolicy):
    """Groups of latents share the charge in proportion to their rates, so that none dies early (NVAE, Vahdat & Kautz 2020,
    arXiv 2007.03898).

    With c_i = (mean |rate_i| + 0.01) / size_i, group i is charged c_i / mean(c) times its rate; the coefficients have no
    gradient. A group is a named part of the rate, such as a layer of a hierarchy, or a position of a sequence of latents.

    Args:
        sizes: one a group, the paper's alpha; all equal when absent.
        steps: after so many all groups are charged alike, as in the paper once annealing is over; None is never.
    """

    def __init__(self, *, sizes: tuple[PositiveFloat, ...] | None = None, steps: int | None = None) -> None:
        super().__init__()
        self.sizes, self.steps = sizes, steps

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """The balanced sum over groups, `[B]` nats.

        Raises:
            ConfigError: a single group, or not one size a group.
        """
        groups = per_sequence(rate.groups)  # [B,L]
        if groups.shape[-1] == 1:
            raise ConfigError(
                "objective.rate=balanced shares the charge among groups of latents, and this model has one; give it a sequence of "
                "latents (model.posterior.positions=4), or choose another objective.rate"
            )
        if self.steps is not None and step >= self.steps:
            return groups.sum(-1)
        return (self.coefficients(groups, across) * groups).sum(-1)

    def coefficients(self, groups: Tensor, across: Across) -> Tensor:
        """`[L]` with mean 1, from rates `[B,L]`.

        Raises:
            ConfigError: not one size a group.
        """
        sizes = self.sizes or (1.0,) * groups.shape[-1]
        if len(sizes) != groups.shape[-1]:
            raise ConfigError(
                f"objective.rate.sizes: {len(sizes)} sizes for {groups.shape[-1]} groups of latents; give one a group"
            )
        weights = (across(groups.detach().abs().mean(0)) + 0.01) / groups.new_tensor(sizes)
        return weights / weights.mean()
