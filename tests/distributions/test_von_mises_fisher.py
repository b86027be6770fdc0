"""Von Mises-Fisher against numbers of 40-digit arithmetic, scipy, quadrature and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import Tensor
from torch.distributions import kl_divergence
from torch.nn.functional import normalize

from seqvae.distributions.sphere import SphericalUniform
from seqvae.distributions.von_mises_fisher import VonMisesFisher, cosine_slope

# dimension, concentration, KL from the uniform distribution in nats, mean resultant length
PUBLISHED = [
    (3, 1, 0.1515959239, 0.3130352855),
    (3, 10, 1.9957323168, 0.9000000041),
    (3, 50, 3.605170186, 0.98),
    (16, 10, 2.1447425390, 0.4876216680),
    (16, 50, 10.3685584978, 0.8599000157),
    (16, 100, 15.0713187, 0.9274591621),
    (32, 10, 1.381258707, 0.2879162686),
    (32, 50, 12.25336903, 0.7348304571),
    (32, 80, 17.86306806, 0.8238730153),
    (32, 100, 20.75852808, 0.8562865958),
    (50, 80, 19.51520793, 0.7382866072),
    (50, 100, 23.57071842, 0.7836607184),
    (64, 50, 11.45038464, 0.5493944889),
    (64, 100, 24.42953394, 0.7323801941),
    (128, 100, 22.84092727, 0.5483291497),
]


QUADRATURE = np.polynomial.legendre.leggauss(200)


def directed(dimension: int, *kappa: float) -> VonMisesFisher:
    loc = normalize(torch.randn(len(kappa), dimension, dtype=torch.float64), dim=-1)
    return VonMisesFisher(loc, torch.tensor(kappa, dtype=torch.float64))


def divergence(dimension: int, kappa: float) -> float:
    q = directed(dimension, kappa)
    return kl_divergence(q, SphericalUniform(torch.zeros(dimension, dtype=torch.float64))).item()


@pytest.mark.parametrize(("dimension", "kappa", "nats", "resultant"), PUBLISHED)
def test_published_numbers(dimension: int, kappa: float, nats: float, resultant: float) -> None:
    assert divergence(dimension, kappa) == pytest.approx(nats, rel=2e-9)
    q = directed(dimension, kappa)
    assert q.mean.norm().item() == pytest.approx(resultant, abs=2e-10)


def test_the_divergence_is_that_of_d_dimensions_and_not_of_two_more() -> None:
    assert divergence(32, 13) == pytest.approx(2.1725913241, abs=1e-10)
    assert divergence(34, 13) == pytest.approx(2.0835571972, abs=1e-10)  # what a published implementation gives for 32
    assert divergence(2, 10) == pytest.approx(1.543026176, abs=1e-9)
    assert divergence(32, 0.01) == pytest.approx(1.5624997846e-06, abs=1e-12)


@pytest.mark.parametrize(("nats", "kappa"), [(2, 12.3752563875), (5, 22.4849071938), (10, 40.4297425134), (15, 63.4383610091)])
def test_concentration_of_a_wanted_rate(nats: float, kappa: float) -> None:
    assert divergence(32, kappa) == pytest.approx(nats, abs=1e-9)


@pytest.mark.parametrize(("dimension", "kappa"), [(2, 3.0), (3, 10.0), (8, 20.0)])
def test_log_prob_and_entropy_are_scipys(dimension: int, kappa: float) -> None:
    q = directed(dimension, kappa)
    z = q.sample(torch.Size([6]))
    theirs = stats.vonmises_fisher(q.loc[0].numpy(), kappa)
    np.testing.assert_allclose(q.log_prob(z)[:, 0].numpy(), theirs.logpdf(z[:, 0].numpy()), rtol=1e-10)
    assert q.entropy().item() == pytest.approx(theirs.entropy(), rel=1e-10)


def test_every_pair_at_once_is_one_by_one() -> None:
    q = directed(5, 1.0, 10.0, 200.0)
    z = q.sample(torch.Size([4])).flatten(0, 1)
    torch.testing.assert_close(q.cross_log_prob(z), q.log_prob(z.unsqueeze(1).expand(-1, 3, -1)))


@pytest.mark.parametrize(("dimension", "kappa"), [(2, 0.5), (2, 50.0), (3, 1e3), (16, 0.01), (32, 80.0), (512, 1e3)])
def test_the_cosine_of_samples_has_its_mean_and_its_spread(dimension: int, kappa: float) -> None:
    q, n = directed(dimension, kappa), 4000
    cosine = (q.sample(torch.Size([n])) * q.loc).sum(-1)[:, 0]
    resultant = q.mean.norm().item()
    variance = 1 - resultant**2 - (dimension - 1) * resultant / kappa  # the derivative of the resultant
    assert abs(cosine.mean().item() - resultant) < 5 * (variance / n) ** 0.5
    assert cosine.var().item() == pytest.approx(variance, rel=5 * (8 / n) ** 0.5)  # exponential tails at d = 3


def quantile_angle(probability: float, kappa: float, dimension: int) -> float:
    """The angle below which a sample falls with `probability`, by quadrature."""
    nodes, weights = QUADRATURE
    centre = np.arccos(np.clip(np.sqrt(1 + (half := (dimension - 2) / (2 * kappa)) ** 2) - half, -1, 1))
    low, high = (np.clip(centre + side * 14 / np.sqrt(max(2 * kappa, dimension - 2)), 0, np.pi) for side in (-1, 1))

    def mass(end: float) -> float:
        angle = low + (end - low) * (nodes + 1) / 2
        log_density = kappa * (np.cos(angle) - np.cos(centre)) + (dimension - 2) * np.log(np.sin(angle))
        return float((weights * np.exp(log_density - (dimension - 2) * np.log(max(np.sin(centre), 1e-9)))).sum() * (end - low))

    whole = mass(high)
    return float(optimize.brentq(lambda end: mass(end) / whole - probability, low + 1e-12, high, xtol=1e-15, rtol=1e-14))


@pytest.mark.parametrize(("dimension", "kappa"), [(2, 3.0), (3, 10.0), (8, 0.5), (32, 80.0), (128, 1000.0)])
@pytest.mark.parametrize("probability", [0.02, 0.4, 0.9])
def test_the_gradient_of_a_sample_is_that_of_its_quantile(dimension: int, kappa: float, probability: float) -> None:
    """The implicit gradient moves the cosine along with the quantile that it is: finite differences of the inverse CDF."""
    step = 1e-3 * kappa
    angle, up, down = (quantile_angle(probability, k, dimension) for k in (kappa, kappa + step, kappa - step))
    expected = (np.cos(up) - np.cos(down)) / (2 * step)
    complement = torch.tensor(2 * np.sin(angle / 2) ** 2, dtype=torch.float64)
    found = cosine_slope(torch.tensor(kappa, dtype=torch.float64), complement, dimension).item()
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_gradient_through_samples_is_that_of_the_expectation() -> None:
    """d/dk E[mu.z] = A'(k), from samples."""
    kappa = torch.full((4000,), 20.0, dtype=torch.float64, requires_grad=True)
    q = VonMisesFisher(normalize(torch.randn(1, 16, dtype=torch.float64), dim=-1).expand(4000, 16), kappa)
    z = q.rsample()
    (gradient,) = torch.autograd.grad((z * q.loc).sum(), kappa)
    resultant = q.mean[0].norm().item()
    exact = 1 - resultant**2 - 15 * resultant / 20
    assert abs(gradient.mean().item() - exact) < 5 * gradient.std().item() / 4000**0.5


def test_gradient_of_the_divergence_is_its_finite_difference() -> None:
    prior = SphericalUniform(torch.zeros(8, dtype=torch.float64))
    loc = normalize(torch.randn(4, 8, dtype=torch.float64), dim=-1)
    kappa = torch.tensor([0.1, 3.0, 50.0, 900.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: kl_divergence(VonMisesFisher(loc, k), prior), kappa)


@pytest.mark.parametrize("dimension", [2, 3, 512])
@pytest.mark.parametrize("kappa", [1e-4, 1e3, 1e6])
def test_single_precision_is_finite_at_the_extremes(dimension: int, kappa: float) -> None:
    loc: Tensor = normalize(torch.randn(3, dimension), dim=-1).requires_grad_()
    concentration = torch.full((3,), kappa, requires_grad=True)
    q = VonMisesFisher(loc, concentration)
    z = q.rsample(torch.Size([5]))
    nats = kl_divergence(q, SphericalUniform(torch.zeros(dimension)))
    (z.sum() + nats.sum() + q.log_prob(z.detach()).sum()).backward()
    assert q.support.check(z).all()
    for tensor in (z, nats, q.log_prob(z), loc.grad, concentration.grad):
        assert torch.isfinite(tensor).all()


def test_a_concentration_that_is_no_number_gives_samples_that_are_none_and_an_end() -> None:
    kappa = torch.tensor([10.0, float("nan")])
    sample = VonMisesFisher(normalize(torch.ones(2, 4), dim=-1), kappa, validate_args=False).sample()
    assert torch.isfinite(sample[0]).all()
    assert torch.isnan(sample[1]).all()
