from __future__ import annotations

import pytest
import torch
from scipy import integrate, stats
from torch.distributions import kl_divergence
from torch.nn.functional import normalize

from seqvae.distributions.power_spherical import PowerSpherical
from seqvae.distributions.sphere import SphericalUniform


def directed(dimension: int, *kappa: float) -> PowerSpherical:
    loc = normalize(torch.randn(len(kappa), dimension, dtype=torch.float64), dim=-1)
    return PowerSpherical(loc, torch.tensor(kappa, dtype=torch.float64))


@pytest.mark.parametrize(
    ("dimension", "kappa", "nats", "resultant"),
    [
        (3, 10, 1.4888043637, 0.8333333333),
        (16, 50, 6.9586553578, 0.7692307692),
        (32, 50, 7.6050082372, 0.6172839506),
        (32, 100, 13.7816930622, 0.7633587786),
        (64, 100, 15.0414209479, 0.6134969325),
    ],
)
def test_published_numbers(dimension: int, kappa: float, nats: float, resultant: float) -> None:
    q = directed(dimension, kappa)
    found = kl_divergence(q, SphericalUniform(torch.zeros(dimension, dtype=torch.float64)))
    assert found.item() == pytest.approx(nats, abs=1e-9)
    assert q.mean.norm().item() == pytest.approx(resultant, abs=1e-10)


def test_density_on_the_circle_integrates_to_one() -> None:
    """Over the angle, where the surface measure is the angle itself."""
    q = PowerSpherical(torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.tensor([3.0], dtype=torch.float64))

    def density(angle: float) -> float:
        point = torch.tensor([[angle]], dtype=torch.float64)
        return q.log_prob(torch.cat([point.cos(), point.sin()], dim=-1)).exp().item()

    assert integrate.quad(density, -torch.pi, torch.pi)[0] == pytest.approx(1, abs=1e-8)


def test_the_cosine_is_a_beta_variable() -> None:
    q = directed(8, 6.0)
    cosine = (q.sample(torch.Size([2000])) * q.loc).sum(-1)[:, 0]
    assert stats.kstest(((cosine + 1) / 2).numpy(), stats.beta(3.5 + 6, 3.5).cdf).pvalue > 1e-4


def test_every_pair_at_once_is_one_by_one() -> None:
    q = directed(5, 1.0, 10.0, 200.0)
    z = q.sample(torch.Size([4])).flatten(0, 1)
    torch.testing.assert_close(q.cross_log_prob(z), q.log_prob(z.unsqueeze(1).expand(-1, 3, -1)))


def test_gradient_of_the_divergence_is_its_finite_difference() -> None:
    prior = SphericalUniform(torch.zeros(8, dtype=torch.float64))
    loc = normalize(torch.randn(3, 8, dtype=torch.float64), dim=-1)
    kappa = torch.tensor([0.1, 3.0, 50.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: kl_divergence(PowerSpherical(loc, k), prior), kappa)


def test_the_gradient_through_samples_is_that_of_the_expectation() -> None:
    """d/dk E[mu.z] = 2b / (a+b)^2, from samples."""
    kappa = torch.full((4000,), 10.0, dtype=torch.float64, requires_grad=True)
    q = PowerSpherical(normalize(torch.randn(1, 16, dtype=torch.float64), dim=-1).expand(4000, 16), kappa)
    (gradient,) = torch.autograd.grad((q.rsample() * q.loc).sum(), kappa)
    exact = 2 * 7.5 / (2 * 7.5 + 10) ** 2
    assert abs(gradient.mean().item() - exact) < 5 * gradient.std().item() / 4000**0.5


@pytest.mark.parametrize("dimension", [2, 512])
@pytest.mark.parametrize("kappa", [1e-4, 1e3, 1e6])
def test_single_precision_is_finite_at_the_extremes(dimension: int, kappa: float) -> None:
    loc = normalize(torch.randn(3, dimension), dim=-1).requires_grad_()
    concentration = torch.full((3,), kappa, requires_grad=True)
    q = PowerSpherical(loc, concentration)
    z = q.rsample(torch.Size([5]))
    nats = kl_divergence(q, SphericalUniform(torch.zeros(dimension)))
    (z.sum() + nats.sum()).backward()
    for tensor in (z, nats, q.log_prob(z), q.log_prob(-q.loc), loc.grad, concentration.grad):
        assert torch.isfinite(tensor).all()
