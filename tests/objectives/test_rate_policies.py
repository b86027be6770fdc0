"""Rate policies at published values, and where their gradients vanish."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal

from seqvae import registry
from seqvae.errors import ConfigError
from seqvae.objectives.rate_policies import Balanced, Capacity, FreeBits, Plain, per_sequence
from seqvae.objectives.schedules import Linear
from seqvae.rate import Rate, rate

CASES: list[dict[str, Any]] = [
    {"kind": "plain"},
    {"kind": "free_bits", "variant": "dimension_batch", "nats": 0.5},
    {"kind": "free_bits", "variant": "dimension_sample", "nats": 0.5},
    {"kind": "free_bits", "variant": "total", "nats": 1.5},
    {"kind": "free_bits", "variant": "total_batch", "nats": 1.5},
    {"kind": "capacity", "nats": {"kind": "constant", "value": 0.0}, "weight": 1.0},
    {"kind": "balanced"},
    {"kind": "minimum_rate", "nats": 0.5},
    {"kind": "geco", "distortion": 5.0},
]
KL = torch.tensor([[0.1, 0.9, 0.6], [0.3, 1.5, 0.2]], dtype=torch.float64)


def known(nats: Tensor) -> Rate:
    """The rate of three latents of one dimension."""
    return Rate({"z": nats}, 3, positions=3)


def alone(mean: Tensor) -> Tensor:
    """The mean over one process."""
    return mean


@pytest.fixture(params=CASES, ids=str)
def policy(request: pytest.FixtureRequest) -> Any:
    return registry.build("rate_policy", dict(request.param))


def test_every_registered_policy_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("rate_policy"))


def test_one_value_a_sequence_never_below_the_rate_where_it_has_a_floor(policy: Any) -> None:
    charged = policy(known(KL), alone)
    assert charged.shape == (2,)
    assert charged.mean() >= KL.sum(-1).mean() - 1e-12


def test_estimates_are_averaged_over_their_samples_first(policy: Any) -> None:
    samples = torch.stack([KL - 0.05, KL + 0.05])
    if getattr(policy, "variant", "") in ("dimension_sample", "total"):
        pytest.skip("refuses estimates, below")
    torch.testing.assert_close(policy(known(samples), alone), policy(known(KL), alone))
    assert torch.equal(per_sequence(KL), KL)


def test_a_large_rate_is_charged_as_it_is(policy: Any) -> None:
    large = torch.full_like(KL, 10)  # as large in every group
    torch.testing.assert_close(policy(known(large), alone), large.sum(-1))


@pytest.mark.parametrize(
    ("policy", "mean"),
    [
        (Plain(), 1.8),
        (FreeBits(variant="dimension_sample", nats=0.5), 2.25),
        (FreeBits(variant="dimension_batch", nats=0.5), 2.2),
        (FreeBits(variant="total", nats=1.5), 1.8),
        (FreeBits(variant="total", nats=1.9), 1.95),
        (FreeBits(variant="total_batch", nats=1.5), 1.8),
        (FreeBits(variant="total_batch", nats=1.9), 1.9),
    ],
)
def test_published_values(policy: Any, mean: float) -> None:
    assert policy(Rate({"z": KL}), alone).mean().item() == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(
    ("policy", "charged"),
    [
        (Plain(), [[1, 1, 1], [1, 1, 1]]),
        (FreeBits(variant="dimension_sample", nats=0.5), [[0, 1, 1], [0, 1, 0]]),
        (FreeBits(variant="dimension_batch", nats=0.5), [[0, 1, 0], [0, 1, 0]]),
        (FreeBits(variant="total", nats=1.8), [[0, 0, 0], [1, 1, 1]]),
        (FreeBits(variant="total_batch", nats=1.7), [[1, 1, 1], [1, 1, 1]]),
        (FreeBits(variant="total_batch", nats=1.9), [[0, 0, 0], [0, 0, 0]]),
    ],
)
def test_free_nats_have_no_gradient(policy: Any, charged: list[list[float]]) -> None:
    leaf = KL.clone().requires_grad_()
    policy(Rate({"z": leaf}), alone).sum().backward()
    assert leaf.grad.tolist() == charged


def test_the_batch_mean_is_that_of_all_processes() -> None:
    """The first column's mean is 0.2 here and 0.8 over all: it is charged, with the gradient of every sequence here."""
    leaf = KL.clone().requires_grad_()
    everywhere = torch.tensor([0.8, 1.2, 0.4], dtype=torch.float64)
    FreeBits(nats=0.5)(Rate({"z": leaf}), lambda mean: everywhere).sum().backward()
    assert leaf.grad.tolist() == [[1, 1, 0], [1, 1, 0]]


def test_the_default_is_a_quarter_nat_a_dimension_on_the_batch_mean() -> None:
    nothing = torch.zeros(4, 32)
    assert FreeBits()(Rate({"z": nothing}), alone).tolist() == [8.0] * 4


def test_capacity_holds_the_rate_from_both_sides() -> None:
    policy = Capacity(nats=Linear(steps=10, stop=4.0), weight=100.0)
    for step, side in ((0, 1.0), (10, -1.0)):  # the mean of 1.8 is above 0 and below 4
        leaf = KL.clone().requires_grad_()
        charged = policy(Rate({"z": leaf}), alone, step)
        assert charged.mean().item() == pytest.approx(100 * abs(1.8 - 0.4 * step))
        charged.sum().backward()
        assert leaf.grad.tolist() == [[side * 100.0] * 3] * 2


def test_the_capacity_is_that_of_the_mean_over_all_processes() -> None:
    everywhere = torch.tensor(5.0, dtype=torch.float64)
    charged = Capacity(nats=lambda step: 2.0, weight=1.0)(Rate({"z": KL}), lambda mean: everywhere)
    assert charged.mean().item() == pytest.approx(1.8 - 2.0)  # above the capacity over all, hence charged here too


GROUPS = {"bottom": [[1.0], [3.0]], "middle": [[2.0], [2.0]], "top": [[6.0], [2.0]]}


def test_balanced_at_published_values() -> None:
    """NVAE's balancer at KL = [[1, 2, 6], [3, 2, 2]] and group sizes 1, 2, 4."""
    rate = Rate({name: torch.tensor(nats, dtype=torch.float64) for name, nats in GROUPS.items()})
    policy = Balanced(sizes=(1.0, 2.0, 4.0))
    coefficients = policy.coefficients(rate.groups, alone)
    assert coefficients.tolist() == pytest.approx([1.50093342, 0.75046671, 0.74859988], abs=1e-8)
    assert policy(rate, alone).tolist() == pytest.approx([7.49346609, 7.50093342], abs=1e-8)
    assert Balanced(sizes=(1.0, 2.0, 4.0), steps=5)(rate, alone, 5).tolist() == [9.0, 7.0]


def test_balanced_wants_one_size_a_group() -> None:
    with pytest.raises(ConfigError, match="2 sizes for 3 groups"):
        Balanced(sizes=(1.0, 2.0))(known(KL), alone)


def test_balanced_refuses_to_do_nothing() -> None:
    """A single group would be charged as it is."""
    with pytest.raises(ConfigError, match=r"among groups of latents, and this model has one; give it a sequence of latents"):
        Balanced()(Rate({"z": KL}, 3), alone)


def test_balanced_charges_the_positions_of_a_sequence_of_latents() -> None:
    """Two latents of two dimensions, means 1 and 3: rates 1 and 9, charged (1.01 + 9 * 9.01) / 5.01 where 10 were due."""
    mean = torch.tensor([[[1.0, 1.0], [3.0, 3.0]]], dtype=torch.float64).expand(5, 2, 2)
    zero = torch.zeros(2, 2, dtype=torch.float64)
    posterior, prior = Independent(Normal(mean, 1.0), 2), Independent(Normal(zero, 1.0), 2)
    charged = Balanced()(rate(posterior, prior, posterior.sample((1,))), alone)
    assert charged.tolist() == pytest.approx([(1.01 * 1 + 9.01 * 9) / 5.01] * 5, rel=1e-12)


@pytest.mark.parametrize("variant", ["dimension_batch", "dimension_sample"])
def test_a_floor_for_each_dimension_refuses_a_rate_that_is_a_sum(variant: Literal["dimension_batch", "dimension_sample"]) -> None:
    posterior = MultivariateNormal(torch.zeros(3, 4), torch.eye(4))
    known = rate(posterior, Independent(Normal(torch.zeros(4), torch.ones(4)), 1), posterior.sample((1,)))
    with pytest.raises(ConfigError, match=r"give variant=total_batch and nats=2 for all 4 together"):
        FreeBits(variant=variant, nats=0.5)(known, alone)
    assert FreeBits(variant="total_batch", nats=2.0)(known, alone).tolist() == [2.0] * 3


@pytest.mark.parametrize(("variant", "nats"), [("dimension_sample", 4), ("total", 1)])
def test_a_floor_for_each_sequence_refuses_estimates(variant: Literal["dimension_sample", "total"], nats: float) -> None:
    """The rate of every sequence, 1.99 nats, is above the floor of 1; each estimate of it, floored, would cost more."""
    posterior = Independent(Normal(torch.zeros(4000, 4), 0.4), 1)
    prior = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    z = posterior.sample((1,))
    estimates = (posterior.log_prob(z) - prior.log_prob(z)).unsqueeze(-1)  # [1,4000,1]
    known = Rate({"z": estimates}, 4)
    assert estimates.clamp(min=1.0).mean() > 1.99 + 0.1
    with pytest.raises(ConfigError, match=rf"estimates are known; give variant=total_batch and nats={nats} for the batch"):
        FreeBits(variant=variant, nats=1.0)(known, alone)
    charged = FreeBits(variant="total_batch", nats=1.0)(known, alone)
    torch.testing.assert_close(charged.mean(), estimates.mean())
