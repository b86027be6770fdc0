"""Rate policies at published values, and where their gradients vanish."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqvae import registry
from seqvae.objectives.rate_policies import FreeBits, Plain, per_sequence
from seqvae.rate import Rate

CASES: list[dict[str, Any]] = [
    {"kind": "plain"},
    {"kind": "free_bits", "variant": "dimension_batch", "nats": 0.5},
    {"kind": "free_bits", "variant": "dimension_sample", "nats": 0.5},
    {"kind": "free_bits", "variant": "total", "nats": 1.5},
    {"kind": "free_bits", "variant": "total_batch", "nats": 1.5},
]
KL = torch.tensor([[0.1, 0.9, 0.6], [0.3, 1.5, 0.2]], dtype=torch.float64)


def alone(mean: Tensor) -> Tensor:
    """The mean over one process."""
    return mean


@pytest.fixture(params=CASES, ids=str)
def policy(request: pytest.FixtureRequest) -> Any:
    return registry.build("rate_policy", dict(request.param))


def test_every_registered_policy_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("rate_policy"))


def test_one_value_a_sequence_never_below_the_rate_where_it_has_a_floor(policy: Any) -> None:
    charged = policy(Rate({"z": KL}), alone)
    assert charged.shape == (2,)
    assert charged.mean() >= KL.sum(-1).mean() - 1e-12


def test_estimates_are_averaged_over_their_samples_first(policy: Any) -> None:
    samples = torch.stack([KL - 0.05, KL + 0.05])
    torch.testing.assert_close(policy(Rate({"z": samples}), alone), policy(Rate({"z": KL}), alone))
    assert torch.equal(per_sequence(KL), KL)


def test_a_large_rate_is_charged_as_it_is(policy: Any) -> None:
    large = KL + 10
    torch.testing.assert_close(policy(Rate({"z": large}), alone), large.sum(-1))


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
