"""What every prior must do. A new prior is one line in `CASES`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from torch import nn

from seqvae import registry

CASES: list[dict[str, Any]] = [{"kind": "standard_normal"}]
EVENTS = [torch.Size([3]), torch.Size([2, 3])]


@pytest.fixture(params=CASES, ids=str)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.fixture(params=EVENTS, ids=str)
def prior(request: pytest.FixtureRequest, config: dict[str, Any]) -> nn.Module:
    return registry.build("prior", config, request.param).double()


def test_every_registered_prior_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("prior"))


def test_shapes_and_dtype(prior: nn.Module) -> None:
    p = prior()
    assert p.event_shape == prior.event_shape
    assert p.batch_shape == ()
    z = p.sample(torch.Size([5, 4]))
    assert z.shape == (5, 4, *prior.event_shape)
    assert z.dtype == p.log_prob(z).dtype == torch.float64
    assert p.log_prob(z).shape == (5, 4)


def test_log_prob_integrates_to_one(prior: nn.Module) -> None:
    p, n = prior(), 20_000
    r = torch.distributions.Normal(p.mean, 1.3 * p.stddev)
    z = r.sample(torch.Size([n]))
    weights = torch.exp(p.log_prob(z) - r.log_prob(z).flatten(1).sum(-1))
    assert (weights.mean() - 1).abs() < 5 * weights.std() / n**0.5


def test_samples_have_the_stated_mean_and_spread(prior: nn.Module) -> None:
    p, n = prior(), 4000
    z = p.sample(torch.Size([n]))
    assert ((z.mean(0) - p.mean).abs() < 5 * p.stddev / n**0.5).all()
    assert ((z.var(0) / p.variance - 1).abs() < 5 * (4 / n) ** 0.5).all()


@pytest.mark.parametrize("event", EVENTS, ids=str)
def test_standard_normal_is_scipys(event: torch.Size) -> None:
    p = registry.build("prior", {"kind": "standard_normal"}, event).double()()
    z = torch.randn(7, *event, dtype=torch.float64)
    expected = stats.norm.logpdf(z.numpy()).reshape(7, -1).sum(-1)
    torch.testing.assert_close(p.log_prob(z), torch.from_numpy(expected))


def test_standard_normal_has_nothing_to_learn_or_store() -> None:
    prior = registry.build("prior", {"kind": "standard_normal"}, torch.Size([3]))
    assert not list(prior.parameters())
    assert not prior.state_dict()
