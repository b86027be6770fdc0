"""The diagonal Gaussian posterior against scipy and closed forms."""

from __future__ import annotations

import math

import torch
from scipy import stats

from seqvae.posteriors.diagonal import LOG_VARIANCE_BOUND, DiagonalPosterior
from seqvae.priors.standard_normal import StandardNormalPrior
from seqvae.rate import rate

MEAN, LOG_VARIANCE = [0.5, -1.0, 2.0], [0.0, -1.0, 0.5]


def fixed_posterior() -> DiagonalPosterior:
    """One that says N(MEAN, exp(LOG_VARIANCE)) whatever it reads."""
    posterior = DiagonalPosterior(2, latent=3).double()
    posterior.moments.weight.data.zero_()
    posterior.moments.bias.data.copy_(torch.tensor(MEAN + LOG_VARIANCE))
    return posterior


def test_log_prob_is_scipys() -> None:
    q = fixed_posterior()(torch.zeros(1, 2, dtype=torch.float64))
    z = torch.randn(6, 1, 3, dtype=torch.float64)
    covariance = [math.exp(v) for v in LOG_VARIANCE]
    expected = stats.multivariate_normal(MEAN, covariance).logpdf(z[:, 0].numpy())
    torch.testing.assert_close(q.log_prob(z)[:, 0], torch.from_numpy(expected))


def test_rate_per_dimension() -> None:
    q = fixed_posterior()(torch.zeros(2, 2, dtype=torch.float64))
    kl = rate(q, StandardNormalPrior(torch.Size([3])).double()(), q.rsample(torch.Size([1])))
    expected = torch.tensor([0.125, 0.6839397206, 2.0743606354], dtype=torch.float64).expand(2, 3)
    torch.testing.assert_close(kl.per_dimension, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(kl.total, torch.full((2,), 2.883300355935785, dtype=torch.float64), rtol=1e-12, atol=0)


def test_log_variance_is_bounded() -> None:
    posterior = fixed_posterior()
    for sign in (1, -1):
        posterior.moments.bias.data[3:] = sign * 1e6
        stddev = posterior(torch.zeros(1, 2, dtype=torch.float64)).stddev
        torch.testing.assert_close(stddev, torch.full_like(stddev, math.exp(sign * LOG_VARIANCE_BOUND / 2)))
