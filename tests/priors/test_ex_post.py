from __future__ import annotations

import pytest
import torch

from seqvae import registry
from seqvae.errors import ConfigError
from seqvae.priors.ex_post import fit_mixture


def test_one_gaussian_has_the_moments_of_the_latents_and_is_built_again_from_its_configuration() -> None:
    z = torch.randn(500, 3) @ torch.randn(3, 3) + 2
    prior, config = fit_mixture(z, 1, None)
    density = prior().component_distribution
    torch.testing.assert_close(density.mean[0], z.mean(0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(density.covariance_matrix[0], torch.cov(z.t(), correction=0), rtol=1e-2, atol=1e-2)
    again = registry.build("prior", config, torch.Size([3]))
    again.load_state_dict(prior.state_dict())
    assert torch.equal(again().log_prob(z), prior().log_prob(z))


def test_sequences_of_latents_get_diagonal_covariances() -> None:
    z = torch.randn(50, 2, 3)
    assert fit_mixture(z, 2, None)[1]["covariance"] == "diagonal"
    with pytest.raises(ConfigError, match="covariance=full is for latents that are vectors"):
        fit_mixture(z, 2, "full")
