from __future__ import annotations

import pytest
import torch

from seqvae.posteriors.delta import DeltaPosterior, scale_bounds
from seqvae.priors.standard_normal import StandardNormalPrior
from seqvae.rate import rate


@pytest.mark.parametrize(
    ("nats", "low", "high"),
    [
        (0.1, 0.7023100624, 1.3312587387),
        (0.15, 0.641181, 1.409343),
        (0.25, 0.5492809506, 1.5354727852),
        (0.5, 0.3982390483, 1.7737511721),
    ],
)
def test_published_bounds(nats: float, low: float, high: float) -> None:
    assert scale_bounds(nats) == pytest.approx((low, high), abs=5e-7)


@pytest.mark.parametrize("nats", [0.01, 0.15, 2.0])
@pytest.mark.parametrize("size", [0.1, 3.0, 100.0])
def test_every_dimension_pays_the_committed_rate(nats: float, size: float) -> None:
    posterior = DeltaPosterior(5, latent=4, nats=nats).double()
    q = posterior(size * torch.randn(200, 5, dtype=torch.float64))
    per_dimension = rate(q, StandardNormalPrior(torch.Size([4])).double()(), q.mean.unsqueeze(0)).per_dimension
    assert (per_dimension >= nats - 1e-9).all()


def test_the_rate_is_the_committed_one_and_half_a_square() -> None:
    posterior = DeltaPosterior(5, latent=4, nats=0.3).double()
    features = torch.randn(50, 5, dtype=torch.float64)
    q = posterior(features)
    m = posterior.moments(features)[:, :4]
    per_dimension = rate(q, StandardNormalPrior(torch.Size([4])).double()(), q.mean.unsqueeze(0)).per_dimension
    torch.testing.assert_close(per_dimension, 0.3 + m.square() / 2)


def test_means_have_both_signs() -> None:
    q = DeltaPosterior(5, latent=4)(torch.randn(100, 5))
    assert (q.mean > 0).any(dim=0).all()
    assert (q.mean < 0).any(dim=0).all()
