"""Schedules at the values that their papers and codes give, and at their ends."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from seqvae import registry
from seqvae.objectives.schedules import Cyclical, Exponential, Linear, Schedule, WarmupCosine, ZeroRampHold, settled

CASES: list[dict[str, Any]] = [
    {"kind": "constant", "value": 0.7},
    {"kind": "linear", "steps": 40, "start": 0.1, "stop": 0.9, "delay": 5},
    {"kind": "cyclical", "steps": 40},
    {"kind": "cyclical", "steps": 41, "cycles": 3, "ramp": "sigmoid"},
    {"kind": "zero_ramp_hold", "steps": 40},
    {"kind": "warmup_cosine", "steps": 40, "warmup": 4, "floor": 0.1},
    {"kind": "exponential", "start": 0.01, "stop": 0.5, "decay": 0.9},
]


@pytest.fixture(params=CASES, ids=str)
def schedule(request: pytest.FixtureRequest) -> Schedule:
    return registry.build("schedule", dict(request.param))


def test_every_registered_schedule_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("schedule"))


def test_a_schedule_is_a_pure_function_of_the_step(schedule: Schedule) -> None:
    forward = [schedule(t) for t in range(60)]
    assert [schedule(t) for t in reversed(range(60))] == forward[::-1]
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in forward)


def test_a_schedule_settles(schedule: Schedule) -> None:
    assert schedule(10**6) == pytest.approx(schedule(10**12))


@pytest.mark.parametrize(
    ("step", "value"),
    [
        *[(0, 0), (1, 0.08), (5, 0.4), (6, 0.48), (12, 0.96), (13, 1), (24, 1)],
        *[(25, 0), (30, 0.4), (37, 0.96), (38, 1), (75, 0), (99, 1)],
    ],
)
def test_cyclical_annealing_has_four_cycles_that_rise_for_half(step: int, value: float) -> None:
    assert Cyclical(steps=100)(step) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(("ramp", "value"), [("linear", 0.25), ("cosine", 0.1464466094), ("sigmoid", 0.0474258732)])
def test_ramps_at_a_quarter(ramp: Any, value: float) -> None:
    assert Cyclical(steps=100, cycles=1, ratio=0.8, ramp=ramp)(20) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("ramp", ["linear", "cosine", "sigmoid"])
def test_cycles_rise_then_hold_and_the_end_holds(ramp: Any) -> None:
    schedule = Cyclical(steps=97, cycles=3, ratio=0.6, ramp=ramp, stop=0.4)  # a period of 32 1/3 steps
    starts = [0, 33, 65, 97]  # the first whole step of each period
    for start, end in itertools.pairwise(starts):
        values = [schedule(t) for t in range(start, end)]
        assert values == sorted(values)
        assert values[0] < 0.02
        assert values[-1] == 0.4
    assert all(schedule(t) == 0.4 for t in (97, 98, 10**6))


@pytest.mark.parametrize(("step", "value"), [(0, 0), (49, 0), (50, 0), (60, 0.4), (74, 0.96), (75, 1), (99, 1), (1000, 1)])
def test_zero_ramp_hold_is_optimus(step: int, value: float) -> None:
    assert ZeroRampHold(steps=100)(step) == pytest.approx(value, abs=1e-12)


def test_zero_ramp_hold_without_a_ramp_is_a_step() -> None:
    schedule = ZeroRampHold(steps=10, zero=0.3, ramp=0.0, stop=2.0)
    assert [schedule(t) for t in range(5)] == [0, 0, 0, 2, 2]


@pytest.mark.parametrize(("step", "value"), [(0, 0.01), (1000, 0.0338981647), (20000, 0.3197435804), (100000, 0.4966988187)])
def test_exponential_is_the_kl_weight_of_sketch_rnn(step: int, value: float) -> None:
    assert Exponential(start=0.01, stop=0.5, decay=0.99995)(step) == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize(("step", "value"), [(1000, 9.0578456e-4), (20000, 1.4396853e-4)])
def test_exponential_is_the_learning_rate_of_sketch_rnn(step: int, value: float) -> None:
    """(1e-3 - 1e-5) * 0.9999^t + 1e-5."""
    schedule = Exponential(start=1e-3, stop=1e-5, decay=0.9999)
    assert schedule(step) == pytest.approx(value, abs=1e-11)


def test_linear_waits_rises_and_stays() -> None:
    schedule = Linear(steps=4, start=0.1, stop=0.5, delay=2)
    assert [schedule(t) for t in range(9)] == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5])
    falling = Linear(steps=2, start=1.0, stop=0.0)
    assert [falling(t) for t in range(4)] == [1.0, 0.5, 0.0, 0.0]


def test_warmup_cosine_never_starts_at_zero_and_ends_at_its_floor() -> None:
    schedule = WarmupCosine(steps=12, warmup=4, floor=0.2)
    assert [schedule(t) for t in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert schedule(4) == 1.0
    assert schedule(8) == pytest.approx(0.6)  # half way down: the mean of 1 and the floor
    assert schedule(12) == schedule(100) == pytest.approx(0.2)
    assert WarmupCosine(steps=10)(0) == 1.0


def test_a_cyclical_schedule_settles_after_its_last_rise_and_in_no_plateau_before() -> None:
    schedule = Cyclical(steps=1000, cycles=4, ratio=0.5)
    assert [step for step in range(0, 1200, 25) if settled(schedule, step)] == list(range(875, 1200, 25))
