"""Schedules: a number as a function of the global step (0-based), for the KL weight beta(t) and for learning rates.

A schedule is a pure function of the step, so that resuming needs no state. Lengths are in optimiser steps.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Protocol

from pydantic import Field, PositiveFloat, PositiveInt

from seqvae.registry import register

FOREVER = 10**12  # steps
AHEAD = (0, *(int(1.1**k) for k in range(200)))  # up to 10^8 steps
Share = Annotated[float, Field(ge=0, le=1)]
RAMPS = {
    "linear": lambda u: u,
    "cosine": lambda u: 0.5 * (1 - math.cos(math.pi * u)),
    "sigmoid": lambda u: 1 / (1 + math.exp(-(12 * u - 6))),
}


class Schedule(Protocol):
    """A number for every global step."""

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""


def settled(schedule: Schedule, step: int) -> bool:
    """Whether a schedule is, and stays, within 1 % of the value that it keeps in the end.

    "Stays" is asked at distances that grow by a tenth: seen from the plateau before it, a cycle's dip is longer than that.
    """
    return all(math.isclose(schedule(step + ahead), schedule(FOREVER), rel_tol=0.01) for ahead in AHEAD)


@register("schedule", "constant", scalar="value")
class Constant:
    """The same value at every step."""

    def __init__(self, *, value: float = 1.0) -> None:
        self.value = value

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""
        return self.value


@register("schedule", "linear")
class Linear:
    """From `start` to `stop` over `steps` steps, then `stop` (Bowman et al. 2016: KL annealing).

    Args:
        steps: length of the ramp; step `steps` is the first at `stop`.
        start, stop: the two ends.
        delay: steps at `start` before the ramp begins.
    """

    def __init__(
        self, *, steps: PositiveInt, start: float = 0.0, stop: float = 1.0, delay: Annotated[int, Field(ge=0)] = 0
    ) -> None:
        self.steps, self.start, self.stop, self.delay = steps, start, stop, delay

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""
        u = min(max(step - self.delay, 0) / self.steps, 1.0)
        return self.start + (self.stop - self.start) * u


@register("schedule", "cyclical")
class Cyclical:
    """Restart the ramp M times (Fu et al. 2019, arXiv 1903.10145): within each period of steps/M, ramp for a share R, then hold.

    With u = ((t mod T/M) / (T/M)) / R, the value is stop * ramp(u) for u < 1, and stop after. The paper counts t from 1; here the
    first step is 0. After `steps`, the value stays at `stop`.

    Args:
        steps: T, length of all cycles together.
        cycles: M.
        ratio: R, share of each cycle spent rising.
        ramp: `linear`, `cosine` (0.5 (1 - cos(pi u))) or `sigmoid` (1 / (1 + exp(6 - 12 u))).
        stop: the value held.
    """

    def __init__(
        self,
        *,
        steps: PositiveInt,
        cycles: PositiveInt = 4,
        ratio: Annotated[float, Field(gt=0, le=1)] = 0.5,
        ramp: Literal["linear", "cosine", "sigmoid"] = "linear",
        stop: float = 1.0,
    ) -> None:
        self.steps, self.cycles, self.ratio, self.ramp, self.stop = steps, cycles, ratio, ramp, stop

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""
        if step >= self.steps:
            return self.stop
        # in units of steps * cycles, so that the period boundaries are exact integers
        within = (step * self.cycles) % self.steps / self.steps
        return self.stop * (RAMPS[self.ramp](within / self.ratio) if within < self.ratio else 1.0)


@register("schedule", "zero_ramp_hold")
class ZeroRampHold:
    """Zero, then a linear ramp, then hold (Optimus, Li et al. 2020, arXiv 2004.04092).

    Args:
        steps: T, length of all three phases.
        zero: share of T at zero.
        ramp: share of T rising.
        stop: the value held.
    """

    def __init__(self, *, steps: PositiveInt, zero: Share = 0.5, ramp: Share = 0.25, stop: float = 1.0) -> None:
        self.steps, self.zero, self.ramp, self.stop = steps, zero, ramp, stop

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""
        rising = step / self.steps - self.zero
        if rising < 0:
            return 0.0
        return self.stop * (min(rising / self.ramp, 1.0) if self.ramp > 0 else 1.0)


@register("schedule", "warmup_cosine")
class WarmupCosine:
    """A linear warm-up from 0 to 1, then a cosine fall to `floor` (Loshchilov & Hutter 2017, arXiv 1608.03983); for learning rates.

    Args:
        steps: total length, after which the value stays at `floor`.
        warmup: steps of the rise.
        floor: the final value.
    """

    def __init__(self, *, steps: PositiveInt, warmup: Annotated[int, Field(ge=0)] = 0, floor: Share = 0.0) -> None:
        self.steps, self.warmup, self.floor = steps, warmup, floor

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        u = min((step - self.warmup) / max(1, self.steps - self.warmup), 1.0)
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * u))


@register("schedule", "exponential")
class Exponential:
    """stop - (stop - start) * decay^t: sketch-rnn's KL weight and learning rate (Ha & Eck 2017, arXiv 1704.03477).

    Args:
        start, stop: value at step 0 and in the limit.
        decay: per step.
    """

    def __init__(self, *, start: float, stop: float, decay: Annotated[PositiveFloat, Field(lt=1)]) -> None:
        self.start, self.stop, self.decay = start, stop, decay

    def __call__(self, step: int) -> float:
        """The value at a 0-based step."""
        return self.stop - (self.stop - self.start) * self.decay**step
