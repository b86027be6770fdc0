"""Learnt multipliers: published steps, once a global step whatever the accumulation, and safety."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from seqvae.objectives.loss import Loss
from seqvae.objectives.multipliers import Geco, MinimumRate, Multiplier
from seqvae.rate import Rate


def loss(distortion: list[float], rate: list[float]) -> Loss:
    terms = {"distortion": torch.tensor(distortion), "rate": torch.tensor(rate)}
    return Loss(torch.zeros(len(rate)), terms, {})


def alone(mean: Tensor) -> Tensor:
    """The mean over one process."""
    return mean


def test_the_minimum_rate_step_of_the_paper() -> None:
    policy = MinimumRate(nats=5.0, learning_rate=0.1, start=0.5)
    policy.learn([loss([30.0], [3.0])], alone)
    assert policy.scalars()["multiplier"] == pytest.approx(0.7, abs=1e-12)


def test_the_geco_step_of_the_paper() -> None:
    policy = Geco(distortion=28.0, speed=0.01)
    policy.learn([loss([30.0], [3.0])], alone)
    assert policy.scalars()["multiplier"] == pytest.approx(1.0202013400, abs=1e-10)


def test_minimum_rate_charges_the_constraint() -> None:
    """d/drate of rate + u (r - rate) is 1 - u: at u = 1 it is free."""
    for start in (0.0, 0.25, 1.0):
        nats = torch.tensor([[1.0, 2.0], [0.5, 0.5]], dtype=torch.float64, requires_grad=True)
        charged = MinimumRate(nats=5.0, start=start)(Rate({"z": nats}), alone)
        assert charged.tolist() == pytest.approx([3 + start * 2, 1 + start * 4])
        charged.sum().backward()
        assert nats.grad.flatten().tolist() == pytest.approx([1 - start] * 4)


def test_the_minimum_rates_multiplier_is_never_negative() -> None:
    policy = MinimumRate(nats=5.0, start=0.01)
    policy.learn([loss([1.0], [100.0])], alone)
    assert policy.scalars() == {"multiplier": 0.0}


def test_a_rate_is_not_paid_for_unless_asked() -> None:
    """Past u = 1 the loss would reward a rate without information."""
    for largest, expected in ((1.0, 1.0), (None, 4.5)):
        policy = MinimumRate(nats=5.0, learning_rate=1.0, largest=largest)
        policy.learn([loss([1.0], [0.5])], alone)
        assert policy.scalars() == {"multiplier": expected}


def test_geco_averages_the_excess_and_stays_within_its_bounds() -> None:
    policy, average, value = Geco(distortion=20.0, speed=0.1, smoothing=0.9), None, 1.0
    for distortion in (25.0, 19.0, 18.0):
        policy.learn([loss([distortion], [1.0])], alone)
        excess = distortion - 20.0
        average = excess if average is None else 0.9 * average + 0.1 * excess
        value *= math.exp(0.1 * average)
        assert policy.scalars()["multiplier"] == pytest.approx(value)
    for sign in (1, -1):
        for _ in range(50):
            policy.learn([loss([20 + sign * 1e4], [1.0])], alone)
        assert policy.scalars()["multiplier"] == pytest.approx(100.0**sign)


@pytest.mark.parametrize("policy", [MinimumRate(nats=5.0), Geco(distortion=5.0)])
def test_micro_batches_count_by_their_sequences_and_move_it_once(policy: Multiplier) -> None:
    import copy

    whole = copy.deepcopy(policy)
    whole.learn([loss([1.0, 2.0, 9.0], [4.0, 5.0, 12.0])], alone)
    policy.learn([loss([1.0, 2.0], [4.0, 5.0]), loss([9.0], [12.0])], alone)
    assert policy.scalars() == whole.scalars()


def test_ranks_with_unlike_numbers_of_sequences_agree_with_one_process() -> None:
    """`across` averages over ranks; here the other rank has three sequences, with a summed rate of 9."""
    policy = MinimumRate(nats=5.0, learning_rate=0.1)

    def across(mine: Tensor) -> Tensor:
        other = torch.tensor([30.0, 9.0]) if mine.dim() else torch.tensor(3.0)
        return (mine + other) / 2

    policy.learn([loss([10.0], [3.0])], across)
    assert policy.scalars()["multiplier"] == pytest.approx(0.1 * (5 - (3 + 9) / 4))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("policy", [MinimumRate(nats=5.0, start=0.5), Geco(distortion=5.0)])
def test_a_step_that_is_not_finite_moves_nothing(policy: Multiplier, bad: float) -> None:
    before = policy.scalars()
    policy.learn([loss([bad], [3.0]), loss([3.0], [bad])], alone)
    assert policy.scalars() == before


@pytest.mark.parametrize("policy", [MinimumRate(nats=5.0), Geco(distortion=5.0)])
def test_a_multiplier_is_saved_and_no_optimisers_business(policy: Multiplier) -> None:
    assert not list(policy.parameters())
    assert "value" in policy.state_dict()
