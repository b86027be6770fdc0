from __future__ import annotations

import pytest
import torch

from seqvae.errors import ConfigError
from seqvae.posteriors.diagonal import DiagonalPosterior
from seqvae.priors.ar1 import Ar1Prior
from seqvae.rate import rate


def test_a_wanted_rate_is_what_independent_posteriors_pay() -> None:
    prior = Ar1Prior(torch.Size([32, 4]), nats=0.5)
    assert float(prior.alpha) == pytest.approx(0.1809647701, abs=1e-7)
    assert prior.committed_rate == pytest.approx(2.0, rel=1e-6)
    posterior = DiagonalPosterior(5, latent=4, positions=32)
    q = posterior(10 * torch.randn(20, 5))
    assert (rate(q, prior(), q.rsample(torch.Size([1]))).total > 2.0).all()


@pytest.mark.parametrize(
    ("event", "keywords", "message"),
    [
        ((3,), {}, r"over a sequence of latents, the latent is \[3\]; give model.posterior.positions"),
        ((1, 3), {}, "over a sequence"),
        ((8, 3), {"alpha": 0.5, "nats": 1.0}, "alpha or nats, got alpha=0.5 and nats=1.0"),
        ((2, 3), {"nats": 50.0}, "needs a correlation of 1; ask for less"),
    ],
)
def test_what_cannot_be_is_refused(event: tuple[int, ...], keywords: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Ar1Prior(torch.Size(event), **keywords)
