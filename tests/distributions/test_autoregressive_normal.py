from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from seqvae.distributions.autoregressive_normal import AutoregressiveNormal, committed_rate, correlation_for


def chain(alpha: float, *event: int) -> AutoregressiveNormal:
    return AutoregressiveNormal(torch.tensor(alpha, dtype=torch.float64), torch.Size(event))


def as_one_gaussian(alpha: float, positions: int) -> MultivariateNormal:
    """The same chain by its covariance, alpha^|s-t|."""
    places = torch.arange(positions, dtype=torch.float64)
    return MultivariateNormal(torch.zeros(positions, dtype=torch.float64), alpha ** (places[:, None] - places).abs())


def independent(mean: Tensor, scale: Tensor) -> Independent:
    return Independent(Normal(mean, scale), 2)


@pytest.mark.parametrize(
    ("positions", "alpha", "nats"),
    [
        (2, 0.9, 0.8303656034),
        (8, 0.5, 0.8132716902),
        (8, 0.9, 2.6103461392),
        (16, 0.9, 4.9836535204),
        (32, 0.3, 1.3398207834),
        (32, 0.5, 3.4909943059),
        (32, 0.7, 6.318314076),
        (32, 0.9, 9.7302682826),
        (32, 0.95, 10.8114836118),
        (32, 0.99, 12.2057280009),
        (64, 0.9, 19.223497807),
    ],
)
def test_committed_rate(positions: int, alpha: float, nats: float) -> None:
    assert committed_rate(alpha, positions) == pytest.approx(nats, abs=1e-9)


@pytest.mark.parametrize(("nats", "alpha"), [(0.5, 0.1809647701), (1, 0.2578572082), (2, 0.3701774318), (4, 0.5392029643)])
def test_correlation_of_a_wanted_rate(nats: float, alpha: float) -> None:
    assert correlation_for(nats, 32) == pytest.approx(alpha, abs=1e-9)


def test_published_divergence() -> None:
    mean = torch.tensor([[[0.5], [-0.2], [0.1], [0.4]]], dtype=torch.float64)
    scale = torch.tensor([[[0.3], [0.5], [0.4], [0.6]]], dtype=torch.float64)
    assert kl_divergence(independent(mean, scale), chain(0.9, 4, 1)).item() == pytest.approx(3.666297425030395, rel=1e-13)
    assert committed_rate(0.9, 4) == pytest.approx(1.4236924487, abs=1e-9)


def test_the_floor_is_reached_where_the_precisions_agree() -> None:
    alpha, positions = 0.8, 6
    variance = torch.full((1, positions, 1), (1 - alpha**2) / (1 + alpha**2), dtype=torch.float64)
    variance[:, [0, -1]] = 1 - alpha**2
    nats = kl_divergence(independent(torch.zeros_like(variance), variance.sqrt()), chain(alpha, positions, 1))
    assert nats.item() == pytest.approx(committed_rate(alpha, positions), rel=1e-13)


def test_no_independent_gaussian_is_below_the_floor() -> None:
    mean, scale = torch.randn(500, 8, 3, dtype=torch.float64), torch.rand(500, 8, 3, dtype=torch.float64) + 0.05
    nats = kl_divergence(independent(0.3 * mean, scale), chain(0.7, 8, 3))
    assert (nats >= 3 * committed_rate(0.7, 8)).all()


@pytest.mark.parametrize("alpha", [0.0, 0.6, 0.99])
def test_divergence_and_density_are_those_of_one_gaussian(alpha: float) -> None:
    mean, scale = torch.randn(2, 5, 1, dtype=torch.float64), torch.rand(2, 5, 1, dtype=torch.float64) + 0.1
    whole = as_one_gaussian(alpha, 5)
    q = MultivariateNormal(mean[..., 0], torch.diag_embed(scale[..., 0].square()))
    torch.testing.assert_close(kl_divergence(independent(mean, scale), chain(alpha, 5, 1)), kl_divergence(q, whole))
    z = torch.randn(7, 5, 1, dtype=torch.float64)
    torch.testing.assert_close(chain(alpha, 5, 1).log_prob(z), whole.log_prob(z[..., 0]))


def test_samples_have_unit_marginals_and_the_stated_correlations() -> None:
    n = 20_000
    z = chain(0.8, 4, 1).sample(torch.Size([n]))[..., 0]
    expected = as_one_gaussian(0.8, 4).covariance_matrix
    assert ((z.t() @ z / n - expected).abs() < 5 * (2 / n) ** 0.5).all()


def test_gradients_are_finite_differences() -> None:
    mean = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    scale = (torch.rand(2, 4, 2, dtype=torch.float64) + 0.2).requires_grad_()
    assert torch.autograd.gradcheck(lambda m, s: kl_divergence(independent(m, s), chain(0.9, 4, 2)), (mean, scale))
