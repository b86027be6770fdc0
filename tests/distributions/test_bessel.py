"""The von Mises-Fisher normaliser against scipy's Bessel functions where they hold, and closed forms and bounds where they do
not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special

from seqvae.distributions.bessel import log_partition, mean_resultant

KAPPA = torch.tensor([0.1, 1, 10, 50, 100, 300, 700], dtype=torch.float64)


@pytest.mark.parametrize("dimension", [2, 3, 4, 7, 16, 32, 64, 128])
def test_against_scipy(dimension: int) -> None:
    v, k = dimension / 2 - 1, KAPPA.numpy()
    scaled = special.ive(v, k)  # I_v(k) exp(-k)
    expected = np.log(scaled) + k - v * np.log(k / 2) + special.gammaln(v + 1)
    np.testing.assert_allclose(log_partition(KAPPA, dimension).numpy(), expected, rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(mean_resultant(KAPPA, dimension).numpy(), special.ive(v + 1, k) / scaled, rtol=1e-11)


def test_three_dimensions_have_a_closed_form_also_where_sinh_overflows() -> None:
    kappa = torch.tensor([1e-4, 0.5, 20.0, 1e3, 1e6], dtype=torch.float64)
    log_sinh = kappa + torch.log(-torch.expm1(-2 * kappa) / 2)
    torch.testing.assert_close(log_partition(kappa, 3), log_sinh - kappa.log(), rtol=1e-13, atol=1e-13)
    # the ratio comes from a difference of logarithms of the size of kappa: 16 digits of 1e6 leave 10
    torch.testing.assert_close(mean_resultant(kappa, 3), 1 / torch.tanh(kappa) - 1 / kappa, rtol=1e-9, atol=1e-12)


def test_no_concentration_is_the_uniform_distribution() -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    for dimension in (2, 3, 512):
        assert abs(log_partition(zero, dimension).item()) < 1e-12
        assert mean_resultant(zero, dimension).item() == 0


@pytest.mark.parametrize("dimension", [2, 33, 512])
@pytest.mark.parametrize("kappa", [1e-3, 1.0, 1e3])
def test_bounds_of_amos(dimension: int, kappa: float) -> None:
    """k / (v + 1/2 + sqrt((v+3/2)^2 + k^2)) <= A <= k / (v + sqrt((v+2)^2 + k^2)), up to d = 512 (Amos 1974)."""
    v = dimension / 2 - 1
    found = mean_resultant(torch.tensor([kappa], dtype=torch.float64), dimension).item()
    rounding = 1 + 1e-12
    assert found * rounding >= kappa / (v + 0.5 + math.hypot(v + 1.5, kappa))
    assert found <= rounding * kappa / (v + math.hypot(v + 2, kappa))


@pytest.mark.parametrize("dimension", [2, 5, 128])
def test_derivatives_are_finite_differences(dimension: int) -> None:
    kappa = torch.tensor([0.0, 0.3, 8.0, 200.0], dtype=torch.float64) + 0.01
    kappa.requires_grad_()
    assert torch.autograd.gradcheck(lambda k: log_partition(k, dimension), kappa)
    assert torch.autograd.gradcheck(lambda k: mean_resultant(k, dimension), kappa)
    assert torch.autograd.gradgradcheck(lambda k: log_partition(k, dimension), kappa)


@pytest.mark.parametrize("dimension", [2, 32, 512])
def test_extreme_concentrations_are_finite(dimension: int) -> None:
    kappa = torch.tensor([0.0, 1e-30, 1e-8, 1e4, 1e8], requires_grad=True)
    value = log_partition(kappa, dimension)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(kappa.grad).all()
    assert ((kappa.grad >= 0) & (kappa.grad <= 1)).all()
