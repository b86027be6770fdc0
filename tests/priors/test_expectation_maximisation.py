from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqvae.errors import DataError
from seqvae.priors.expectation_maximisation import fit_gaussians
from seqvae.priors.mixture import MixturePrior


def two_clouds(n: int = 2000) -> Tensor:
    """A quarter around (3, 3) with correlated noise, the rest around (-1, 0)."""
    few, many = n // 4, n - n // 4
    factor = torch.tensor([[1.0, 0.0], [0.8, 0.3]], dtype=torch.float64)
    one = torch.tensor([3.0, 3.0]) + torch.randn(few, 2, dtype=torch.float64) @ factor.t()
    return torch.cat([one, torch.tensor([-1.0, 0.0]) + 0.5 * torch.randn(many, 2, dtype=torch.float64)])


def test_one_component_is_the_mean_and_the_covariance() -> None:
    z = two_clouds()
    fitted = fit_gaussians(z, 1, full=True)
    torch.testing.assert_close(fitted.means[0], z.mean(0))
    covariance = fitted.factors[0] @ fitted.factors[0].t()
    torch.testing.assert_close(covariance, torch.cov(z.t(), correction=0), rtol=1e-3, atol=1e-3)  # a ridge of 1e-4


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_two_components_are_found(covariance: str) -> None:
    prior = MixturePrior(torch.Size([2]), components=2, covariance=covariance)
    z = two_clouds()
    prior.fit(z)
    few = int(prior.logits.argmin())
    torch.testing.assert_close(prior.logits.softmax(0)[few].item(), 0.25, rtol=0.05, atol=0)
    torch.testing.assert_close(prior.means[few], torch.tensor([3.0, 3.0]), rtol=0, atol=0.2)
    torch.testing.assert_close(prior.means[1 - few], torch.tensor([-1.0, 0.0]), rtol=0, atol=0.1)
    assert prior().log_prob(z.float()).mean() > MixturePrior(torch.Size([2]), components=2)().log_prob(z.float()).mean() + 0.5


def test_the_likelihood_of_the_truth_is_reached() -> None:
    z = two_clouds()
    prior = MixturePrior(torch.Size([2]), components=2, covariance="full").double()
    prior.fit(z)
    truth = MixturePrior(torch.Size([2]), components=2, covariance="full").double()
    with torch.no_grad():
        truth.logits.copy_(torch.tensor([0.25, 0.75]).log())
        truth.means.copy_(torch.tensor([[3.0, 3.0], [-1.0, 0.0]]))
        truth.log_scales.copy_(torch.tensor([[1.0, 0.3], [0.5, 0.5]]).log())
        truth.ratios[0, 1, 0] = 0.8 / 0.3
    assert prior().log_prob(z).mean() >= truth().log_prob(z).mean() - 1e-3


def test_a_sequence_of_latents_is_fitted_flat() -> None:
    prior = MixturePrior(torch.Size([2, 3]), components=2)
    z = torch.randn(200, 2, 3) + 5
    prior.fit(z)
    assert prior().sample(torch.Size([4])).shape == (4, 2, 3)
    assert (prior().mean - 5).abs().max() < 0.5


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(DataError, match="3 latents cannot seat 5 components"):
        fit_gaussians(torch.randn(3, 2), 5, full=True)
    with pytest.raises(DataError, match="collapsed"):
        fit_gaussians(torch.ones(30, 2), 5, full=True)


def test_repeated_points_and_empty_components_stay_finite() -> None:
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).repeat(20, 1)
    fitted = fit_gaussians(z, 5, full=True)
    assert all(torch.isfinite(part).all() for part in fitted)
