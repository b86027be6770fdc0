"""MMD at published values, against the closed form between Gaussians, and at its edges."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from seqvae.model import VaeOutput
from seqvae.objectives.elbo import Elbo
from seqvae.objectives.mmd import Kernel, Mmd, imq, info, mmd_squared, rbf
from seqvae.rate import Rate

X = torch.tensor([[0, 0], [1, 0], [0, 2], [-1, 1]], dtype=torch.float64)
Y = torch.tensor([[0.5, 0.5], [-0.5, 1.5], [2, -1], [1, 1]], dtype=torch.float64)


def one_imq(squares: Tensor) -> Tensor:
    return 4 / (4 + squares)


@pytest.mark.parametrize(
    ("kernel", "biased", "unbiased"),
    [
        (partial(rbf, bandwidth=1.0), 0.15671020375793454, -0.20727335786852552),
        (partial(rbf, bandwidth=2.0), 0.0756050559308723, -0.09599339820618802),
        (partial(info, dimensions=2), 0.10267306836107215, -0.16348800138698372),
        (one_imq, 0.09541112482288949, -0.11914640370522744),
        (partial(imq, dimensions=2), 0.913972325663444, -0.6533195647064831),
    ],
)
def test_published_values(kernel: Kernel, biased: float, unbiased: float) -> None:
    assert mmd_squared(X, Y, kernel, unbiased=False).item() == pytest.approx(biased, abs=1e-13)
    assert mmd_squared(X, Y, kernel, unbiased=True).item() == pytest.approx(unbiased, abs=1e-13)


def test_a_sample_against_itself() -> None:
    kernel = partial(rbf, bandwidth=1.0)
    assert mmd_squared(X, X, kernel, unbiased=False).item() == pytest.approx(0, abs=1e-15)
    assert mmd_squared(X, X.clone(), kernel).item() == pytest.approx(-0.36318376478833925, abs=1e-13)


def between_gaussians(dimensions: int, distance: float, variance: float, width: float) -> float:
    """MMD^2 of N(m, variance I) and N(0, I) with |m|^2 = distance and the kernel exp(-d^2 / (2 width))."""
    half = dimensions / 2
    inner = (width / (width + 2 * variance)) ** half + (width / (width + 2)) ** half
    shared = width + variance + 1
    return inner - 2 * (width / shared) ** half * math.exp(-distance / (2 * shared))


@pytest.mark.parametrize(
    ("dimensions", "distance", "variance", "width", "value"),
    [(2, 1, 0.25, 2, 0.24473363795638003), (8, 1, 0.5, 8, 0.07969835959737548), (2, 0, 1, 2, 0.0)],
)
def test_the_unbiased_estimate_has_the_closed_forms_mean(
    dimensions: int, distance: float, variance: float, width: float, value: float
) -> None:
    assert between_gaussians(dimensions, distance, variance, width) == pytest.approx(value, abs=1e-14)
    generator = torch.Generator().manual_seed(0)
    mean = torch.full((dimensions,), math.sqrt(distance / dimensions), dtype=torch.float64)
    estimates = []
    for _ in range(300):
        x, y = torch.randn(2, 40, dimensions, generator=generator, dtype=torch.float64)
        estimates.append(mmd_squared(mean + math.sqrt(variance) * x, y, partial(rbf, bandwidth=math.sqrt(width))))
    held = torch.stack(estimates)
    assert abs(held.mean() - value) < 5 * held.std() / math.sqrt(len(held))


@pytest.mark.parametrize("kernel", ["imq", "rbf", "info"])
def test_gradients_are_finite_differences(kernel: str) -> None:
    width = 1.3 if kernel == "rbf" else None  # the median is held fixed in the gradient
    divergence = Mmd(kernel=kernel, bandwidth=width)  # type: ignore[arg-type]
    assert torch.autograd.gradcheck(lambda x: divergence(x, Y), (X.clone().requires_grad_(),))


@pytest.mark.parametrize("kernel", ["imq", "rbf", "info"])
def test_its_gradient_moves_latents_towards_the_prior(kernel: str) -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(200, 8, generator=generator, dtype=torch.float64) * 0.3 + 1
    z.requires_grad_()
    Mmd(kernel=kernel)(z, torch.randn(200, 8, generator=generator, dtype=torch.float64)).backward()  # type: ignore[arg-type]
    assert z.grad is not None
    assert (z.grad.mean(0) > 0).all()  # down the gradient, the mean of 1 goes towards 0


@pytest.mark.parametrize("kernel", ["imq", "rbf", "info"])
@pytest.mark.parametrize("estimate", ["biased", "unbiased"])
@pytest.mark.parametrize("z", [torch.full((5, 4), 1e6), torch.zeros(5, 4), torch.zeros(1, 4)], ids=["far", "equal", "single"])
def test_extreme_latents_stay_finite(kernel: str, estimate: str, z: Tensor) -> None:
    held = z.clone().requires_grad_()
    value = Mmd(kernel=kernel, estimate=estimate)(held, torch.zeros_like(z))  # type: ignore[arg-type]
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(held.grad).all()


def test_a_sequence_of_latents_is_one_point() -> None:
    divergence = Mmd()
    assert divergence(X[:, None, :], Y[:, None, :]).item() == divergence(X, Y).item()


def test_several_samples_of_a_record_do_not_count_as_draws_of_the_aggregated_posterior() -> None:
    """q(z) is the prior exactly here, so the unbiased MMD^2 averages to 0 however many samples each record has."""
    torch.manual_seed(0)
    objective, found = Elbo(scaling=1.0, alpha=1.0, divergence=Mmd()), []
    for _ in range(300):
        means = torch.randn(16, 8) * 0.9**0.5
        posterior = Independent(Normal(means, torch.full_like(means, 0.1**0.5)), 1)
        prior = Independent(Normal(torch.zeros(8), torch.ones(8)), 1)
        z = posterior.sample(torch.Size([4]))
        output = VaeOutput(posterior, prior, z, torch.zeros(4, 16), Rate({}), means, z)
        found.append(objective._held(objective.divergence, output)["divergence"])
    values = torch.stack(found)
    assert abs(float(values.mean())) < 5 * float(values.std()) / len(values) ** 0.5
