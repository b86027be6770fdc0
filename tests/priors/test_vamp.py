from __future__ import annotations

import pytest
import torch

from seqvae.errors import ConfigError
from seqvae.posteriors.diagonal import DiagonalPosterior
from seqvae.priors.vamp import VampPrior


def test_it_is_the_average_of_the_posteriors_of_its_features() -> None:
    posterior = DiagonalPosterior(5, latent=3)
    prior = VampPrior(torch.Size([3]), posterior, components=4)
    z = torch.randn(7, 3)
    each = posterior(prior.features).log_prob(z.unsqueeze(1))
    torch.testing.assert_close(prior().log_prob(z), torch.logsumexp(each, dim=1) - torch.tensor(4.0).log())


def test_the_posterior_is_used_and_not_owned() -> None:
    prior = VampPrior(torch.Size([3]), DiagonalPosterior(5, latent=3), components=4)
    assert [name for name, _ in prior.named_parameters()] == ["features"]


def test_batch_normalised_posteriors_are_refused() -> None:
    with pytest.raises(ConfigError, match="batch_norm_gamma: drop one"):
        VampPrior(torch.Size([3]), DiagonalPosterior(5, latent=3, batch_norm_gamma=0.6))
