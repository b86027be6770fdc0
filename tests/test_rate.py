"""The rate against closed forms (computed elsewhere to 16 digits), and as an estimate where there is none."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from seqvae.rate import Rate, rate

MEAN = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
LOG_VARIANCE = torch.tensor([0.0, -1.0, 0.5], dtype=torch.float64)
OTHER_MEAN = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
OTHER_LOG_VARIANCE = torch.tensor([0.2, -0.3, 1.0], dtype=torch.float64)
FACTOR = torch.tensor([[1.2, 0, 0], [0.3, 0.8, 0], [-0.5, 0.4, 0.6]], dtype=torch.float64)
OTHER_FACTOR = torch.tensor([[1, 0, 0], [0.5, 1.5, 0], [0.2, -0.1, 0.9]], dtype=torch.float64)


def gaussian(mean: Tensor, log_variance: Tensor) -> Independent:
    return Independent(Normal(mean, torch.exp(log_variance / 2)), 1)


def standard(*event: int) -> Independent:
    zero = torch.zeros(event, dtype=torch.float64)
    return Independent(Normal(zero, torch.ones_like(zero)), len(event))


@pytest.mark.parametrize(
    ("prior", "per_dimension", "total"),
    [
        (standard(3), [0.125, 0.6839397206, 2.0743606354], 2.883300355935785),
        (gaussian(OTHER_MEAN, OTHER_LOG_VARIANCE), [0.1117067207, 2.7980102670, 0.2372050504], 3.1469220382),
    ],
)
def test_diagonal_gaussians_factorise(prior: Independent, per_dimension: list[float], total: float) -> None:
    q = gaussian(MEAN.expand(2, 3), LOG_VARIANCE.expand(2, 3))
    found = rate(q, prior, q.rsample(torch.Size([4])))
    expected = torch.tensor(per_dimension, dtype=torch.float64).expand(2, 3)
    torch.testing.assert_close(found.per_dimension, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.total, torch.full((2,), total, dtype=torch.float64), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("prior", "total"),
    [
        (MultivariateNormal(torch.zeros(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)), 3.1466476182862455),
        (MultivariateNormal(OTHER_MEAN, scale_tril=OTHER_FACTOR), 2.536820797842208),
    ],
)
def test_full_covariance_gives_one_number(prior: MultivariateNormal, total: float) -> None:
    q = MultivariateNormal(MEAN.expand(2, 3), scale_tril=FACTOR)
    found = rate(q, prior, q.rsample(torch.Size([4])))
    assert found.per_dimension.shape == (2, 1)
    torch.testing.assert_close(found.total, torch.full((2,), total, dtype=torch.float64), rtol=1e-12, atol=0)


def test_a_sequence_of_latents_is_flattened() -> None:
    mean, scale = torch.randn(4, 2, 3, dtype=torch.float64), torch.rand(4, 2, 3, dtype=torch.float64) + 0.1
    q = Independent(Normal(mean, scale), 2)
    found = rate(q, standard(2, 3), q.rsample(torch.Size([1])))
    assert found.per_dimension.shape == (4, 6)
    by_hand = (mean**2 + scale**2 - 1 - 2 * scale.log()).sum((1, 2)) / 2
    torch.testing.assert_close(found.total, by_hand)


def test_without_a_closed_form_it_is_an_estimate_at_z() -> None:
    """q is either bump of the prior: the divergence is the mutual information between the bumps and z, a little below ln 2."""
    prior = MixtureSameFamily(
        Categorical(torch.ones(2, dtype=torch.float64)),
        Independent(Normal(torch.tensor([[2.0], [-2.0]], dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64)), 1),
    )
    q = gaussian(torch.tensor([[2.0], [-2.0]], dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64))
    samples = 20_000
    found = rate(q, prior, q.sample(torch.Size([samples])))
    assert found.per_dimension.shape == (samples, 2, 1)
    assert found.total.shape == (samples, 2)
    exact = 0.6327201937
    error = found.total.std(0) / math.sqrt(samples)
    assert ((found.total.mean(0) - exact).abs() < 5 * error).all()


def test_named_parts_add_up() -> None:
    closed, alone = torch.rand(4, 3), torch.rand(4, 1)
    estimate = torch.rand(5, 4, 1)
    both = Rate({"top": closed, "bottom": alone})
    torch.testing.assert_close(both.total, closed.sum(-1) + alone[:, 0])
    assert torch.equal(both.per_dimension, torch.cat([closed, alone], dim=-1))
    mixed = Rate({"top": closed, "bottom": estimate})
    torch.testing.assert_close(mixed.total, closed.sum(-1) + estimate[..., 0])
    assert mixed.per_dimension.shape == (5, 4, 4)
    torch.testing.assert_close(mixed.per_dimension.sum(-1), mixed.total)
    assert Rate({"z": closed}).per_dimension is closed
