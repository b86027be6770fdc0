"""An oracle for the whole: a linear VAE with one latent is probabilistic PCA (Tipping & Bishop 1999), whose optimum is known.

On data of covariance diag(3, 1): noise variance 1, NLL 3.3871832107 nats, posterior variance 1/3, mean rate (1/2) ln 3. What must
agree to get there: objective, rate, reparameterised gradients, posterior and prior.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel

RECORDS, STEPS = 500, 500
NLL = 3.3871832107


class Given(nn.Module):
    """An encoder that hands on its one step of two numbers."""

    width = 2

    def forward(self, batch: SequenceBatch) -> Tensor:
        return batch.inputs[:, 0]


class LinearDecoder(nn.Module):
    """The mean of x: W z + b."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(1, 2)

    def forward(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        return self.map(z)


class GaussianLikelihood(nn.Module):
    """x ~ N(W z + b, s^2 I), s learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        return Normal(features, self.log_scale.exp()).log_prob(batch.inputs[:, 0]).sum(-1)


def data() -> SequenceBatch:
    """Records whose own mean is 0 and whose own covariance is diag(3, 1), so that no error of sampling is left."""
    x = torch.randn(RECORDS, 2, dtype=torch.float64)
    x = x - x.mean(0)
    x = x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.t(), correction=0))).t()
    x = x * torch.tensor([3.0, 1.0], dtype=torch.float64).sqrt()
    return SequenceBatch(x.unsqueeze(1), torch.ones(RECORDS, dtype=torch.int64))


def trained(objective: dict[str, Any], posterior: dict[str, Any], batch: SequenceBatch) -> SequenceModel:
    made = registry.build("posterior", {**posterior, "latent": 1}, 2)
    prior = registry.build("prior", "standard_normal", made.event_shape)
    model = SequenceModel(Given(), made, prior, LinearDecoder(), GaussianLikelihood()).double()
    loss = registry.build("objective", objective).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, STEPS, pct_start=0.1)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss(model, batch, step).total.backward()
        optimizer.step()
        schedule.step()
    return model


def negative_log_likelihood(model: SequenceModel, batch: SequenceBatch) -> float:
    """Of the marginal that the decoder defines, exactly: N(b, W W^T + s^2 I)."""
    weight, bias = model.decoder.map.weight, model.decoder.map.bias  # type: ignore[union-attr]
    noise = (2 * model.likelihood.log_scale).exp() * torch.eye(2, dtype=torch.float64)  # type: ignore[operator]
    return -MultivariateNormal(bias, weight @ weight.t() + noise).log_prob(batch.inputs[:, 0]).mean().item()


@pytest.mark.parametrize(
    ("objective", "posterior"),
    [
        ({"preset": "elbo", "samples": 4}, {"kind": "diagonal"}),
        ({"preset": "iwae", "samples": 8}, {"kind": "diagonal"}),
        ({"preset": "elbo", "samples": 4}, {"kind": "iaf", "hidden": 8}),
    ],
    ids=["elbo", "iwae", "iaf"],
)
def test_it_becomes_probabilistic_pca(objective: dict[str, Any], posterior: dict[str, Any]) -> None:
    batch = data()
    model = trained(objective, posterior, batch)
    with torch.no_grad():
        assert negative_log_likelihood(model, batch) == pytest.approx(NLL, abs=2e-3)
        assert (2 * model.likelihood.log_scale).exp().item() == pytest.approx(1, rel=0.05)  # type: ignore[operator]
        q = model.infer(batch)[1]
        samples = 400
        assert q.sample(torch.Size([samples])).var(0).mean().item() == pytest.approx(1 / 3, rel=0.05)
        rate = model(batch, 50).rate.total
        assert rate.mean().item() == pytest.approx(math.log(3) / 2, rel=0.05)
