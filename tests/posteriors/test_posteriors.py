"""What every posterior must do. A new posterior is one line in `CASES`, with the priors it is measured against."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqvae import registry
from seqvae.rate import rate

WIDTH = 5
CASES: list[dict[str, Any]] = [
    {"kind": "diagonal", "latent": 3},
    {"kind": "diagonal", "latent": 1},
]


@pytest.fixture(params=CASES, ids=str)
def posterior(request: pytest.FixtureRequest) -> nn.Module:
    return registry.build("posterior", dict(request.param), WIDTH).double()


@pytest.fixture
def features() -> Tensor:
    return torch.randn(4, WIDTH, dtype=torch.float64)


def test_every_registered_posterior_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("posterior"))


def test_shapes(posterior: nn.Module, features: Tensor) -> None:
    q = posterior(features)
    z = q.rsample(torch.Size([7]))
    assert q.batch_shape == (4,)
    assert q.event_shape == posterior.event_shape
    assert z.shape == (7, 4, *posterior.event_shape)
    assert q.log_prob(z).shape == (7, 4)


def test_samples_have_the_stated_mean_and_spread(posterior: nn.Module, features: Tensor) -> None:
    q = posterior(features)
    n = 4000
    with torch.no_grad():
        z = q.sample(torch.Size([n]))
    standard_error = (q.variance / n).sqrt()
    assert ((z.mean(0) - q.mean).abs() < 5 * standard_error).all()
    # for a Gaussian the variance of a sample variance is 2 sigma^4 / (n - 1); twice that covers mild tails
    assert ((z.var(0) / q.variance - 1).abs() < 5 * (4 / n) ** 0.5).all()


def test_log_prob_integrates_to_one(posterior: nn.Module, features: Tensor) -> None:
    """Importance sampling under a wider Gaussian: E_r[q / r] = 1."""
    q = posterior(features)
    n = 20_000
    with torch.no_grad():
        r = torch.distributions.Normal(q.mean, 1.5 * q.stddev)
        z = r.sample(torch.Size([n]))
        weights = torch.exp(q.log_prob(z) - r.log_prob(z).flatten(2).sum(-1))
    assert ((weights.mean(0) - 1).abs() < 5 * weights.std(0) / n**0.5).all()


@pytest.mark.parametrize("prior_kind", ["standard_normal"])
def test_the_rate_is_its_own_monte_carlo_estimate(posterior: nn.Module, features: Tensor, prior_kind: str) -> None:
    q = posterior(features)
    p = registry.build("prior", {"kind": prior_kind}, posterior.event_shape).double()()
    n = 20_000
    with torch.no_grad():
        z = q.sample(torch.Size([n]))
        estimates = q.log_prob(z) - p.log_prob(z)
        exact = rate(q, p, z).total
    assert exact.shape == (4,)
    assert (exact >= 0).all()
    assert ((estimates.mean(0) - exact).abs() < 5 * estimates.std(0) / n**0.5).all()


def test_gradients_of_samples_and_rate_are_finite_differences(posterior: nn.Module, features: Tensor) -> None:
    prior = registry.build("prior", {"kind": "standard_normal"}, posterior.event_shape).double()

    def sample_and_rate(x: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        q = posterior(x)
        z = q.rsample(torch.Size([2]))
        return z, rate(q, prior(), z).total

    assert torch.autograd.gradcheck(sample_and_rate, (features.requires_grad_(),))


def test_gradients_reach_every_parameter(posterior: nn.Module, features: Tensor) -> None:
    posterior(features).rsample(torch.Size([2])).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in posterior.parameters())


def test_a_batch_of_one_is_one_row_of_many(posterior: nn.Module, features: Tensor) -> None:
    z = torch.randn(2, 4, *posterior.event_shape, dtype=torch.float64)
    rows = [posterior(features[i : i + 1]).log_prob(z[:, i : i + 1]) for i in range(4)]
    torch.testing.assert_close(torch.cat(rows, dim=1), posterior(features).log_prob(z))


def test_densities_are_float32_whatever_the_features(posterior: nn.Module, features: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        q = posterior.float()(features.float())
        z = q.rsample(torch.Size([2]))
        assert z.dtype == q.log_prob(z).dtype == torch.float32


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_features_give_finite_densities_and_gradients(posterior: nn.Module, size: float) -> None:
    features = torch.full((2, WIDTH), size, requires_grad=True)
    q = posterior.float()(features)
    z = q.rsample(torch.Size([3]))
    prior = registry.build("prior", {"kind": "standard_normal"}, posterior.event_shape)()
    total = rate(q, prior, z).total
    total.sum().backward()
    assert torch.isfinite(q.log_prob(z)).all()
    assert torch.isfinite(total).all()
    assert torch.isfinite(features.grad).all()
