"""Rate policies with a multiplier that is learnt beside the model: say what is wanted in nats, not what it should cost.

A constraint becomes a term of the loss, and its multiplier rises while the constraint is broken and falls while there is room. It
moves once a global step, on the mean over all micro-batches and all ranks; it is a buffer, hence in every checkpoint and in no
optimiser. A step whose mean is not finite moves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from seqvae.objectives.loss import Loss
from seqvae.objectives.rate_policies import Across, RatePolicy, per_sequence
from seqvae.rate import Rate
from seqvae.registry import register


class Multiplier(RatePolicy):
    """The number and its bookkeeping; a policy says what it charges and where the number moves."""

    value: Tensor

    def __init__(self, start: float) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(start, dtype=torch.float64))

    def moved(self, distortion: float, rate: float) -> float:
        """The multiplier after a step with these means, nats per sequence."""
        raise NotImplementedError

    def learn(self, losses: Sequence[Loss], across: Across) -> None:
        """Move once, on the means of a global step."""
        sums = torch.stack([torch.stack([loss.terms[name].sum() for loss in losses]).sum() for name in ("distortion", "rate")])
        count = sums.new_tensor(sum(len(loss.per_sequence) for loss in losses))
        distortion, rate = (across(sums) / across(count)).tolist()
        if math.isfinite(distortion) and math.isfinite(rate):
            self.value.fill_(self.moved(distortion, rate))

    def scalars(self) -> dict[str, float]:
        """`multiplier`."""
        return {"multiplier": float(self.value)}


@register("rate_policy", "minimum_rate")
class MinimumRate(Multiplier):
    """Minimum desired rate (Pelsmaeker & Aziz 2020, arXiv 1904.08194): maximise the ELBO subject to a mean rate of at least `nats`.

    charged: rate + u (nats - rate), 0 <= u <= largest, by gradient ascent: u <- u + learning_rate (nats - mean rate).

    The paper bounds u from below alone. Past 1 the rate is not free but paid for, and the cheapest rate is that of a posterior that
    moves off the prior by the same way for every record: many nats, no information. While distortion falls with the rate the
    constrained optimum has u <= 1, so nothing is lost by stopping there but the promise that the rate is met.

    Args:
        nats: the least mean rate, of the sum over dimensions.
        learning_rate: of u.
        start: u before the first step.
        largest: u's upper bound; None is the paper's, which has none.
    """

    def __init__(
        self,
        *,
        nats: PositiveFloat,
        learning_rate: PositiveFloat = 0.01,
        start: Annotated[float, Field(ge=0)] = 0.0,
        largest: PositiveFloat | None = 1.0,
    ) -> None:
        super().__init__(start)
        self.nats, self.learning_rate = nats, learning_rate
        self.largest = math.inf if largest is None else largest

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """The rate and the broken constraint's price, `[B]` nats."""
        total = per_sequence(rate.per_dimension).sum(-1)
        return total + self.value.to(total.dtype) * (self.nats - total)

    def moved(self, distortion: float, rate: float) -> float:
        """u after a step."""
        return min(max(0.0, float(self.value) + self.learning_rate * (self.nats - rate)), self.largest)


@register("rate_policy", "geco")
class Geco(Multiplier):
    """GECO (Rezende & Viola 2018, arXiv 1810.00597): the least rate with which the mean distortion is at most `distortion`.

    The paper minimises rate + lambda (distortion - wanted) with lambda <- lambda exp(speed C), C the moving average of
    distortion - wanted. Here both terms are divided by lambda, and the constant goes: the same minimiser at each lambda, and a
    loss whose size does not run away with it. charged: rate / lambda.

    Args:
        distortion: wanted, nats per sequence.
        speed: of lambda; the paper's nu.
        smoothing: share of the old in the moving average.
        largest: lambda stays between 1/largest and this. The paper has no bounds, but text begins some hundred nats above what is
            wanted.
        start: lambda before the first step.
    """

    average: Tensor

    def __init__(
        self,
        *,
        distortion: float,
        speed: PositiveFloat = 0.01,
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.99,
        largest: Annotated[float, Field(ge=1)] = 100.0,
        start: PositiveFloat = 1.0,
    ) -> None:
        super().__init__(start)
        self.distortion, self.speed, self.smoothing, self.largest = distortion, speed, smoothing, largest
        self.register_buffer("average", torch.tensor(math.nan, dtype=torch.float64))

    def forward(self, rate: Rate, across: Across, step: int = 0) -> Tensor:
        """The rate over lambda, `[B]` nats."""
        total = per_sequence(rate.per_dimension).sum(-1)
        return total / self.value.to(total.dtype)

    def moved(self, distortion: float, rate: float) -> float:
        """lambda after a step; the first step's excess begins the average."""
        excess, average = distortion - self.distortion, float(self.average)
        self.average.fill_(excess if math.isnan(average) else self.smoothing * average + (1 - self.smoothing) * excess)
        moved = math.log(float(self.value)) + self.speed * float(self.average)
        return math.exp(min(max(moved, -math.log(self.largest)), math.log(self.largest)))
