"""What every prior must do. A new prior is one line in `CASES`, with a posterior's event that it covers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from scipy import stats
from torch import nn

from seqvae import registry
from seqvae.distributions.sphere import SphericalUniform
from seqvae.distributions.support import same_support

VECTOR, SEQUENCE = torch.Size([3]), torch.Size([2, 3])
CASES: list[tuple[dict[str, Any], torch.Size]] = [
    ({"kind": "standard_normal"}, VECTOR),
    ({"kind": "standard_normal"}, SEQUENCE),
    ({"kind": "uniform_sphere"}, VECTOR),
    ({"kind": "ar1"}, SEQUENCE),
    ({"kind": "ar1", "nats": 1.0}, SEQUENCE),
    ({"kind": "mixture", "components": 4}, VECTOR),
    ({"kind": "mixture", "components": 4}, SEQUENCE),
    ({"kind": "mixture", "components": 4, "covariance": "full"}, VECTOR),
    ({"kind": "vamp", "components": 4}, VECTOR),
    ({"kind": "vamp", "components": 4}, SEQUENCE),
]


def posterior_for(event: torch.Size) -> nn.Module:
    """A diagonal Gaussian over the event, for a prior that asks for one."""
    positions = {"positions": event[0]} if len(event) == 2 else {}
    return registry.build("posterior", {"kind": "diagonal", "latent": event[-1], **positions}, 5).double()


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> tuple[dict[str, Any], torch.Size]:
    return request.param


@pytest.fixture
def prior(case: tuple[dict[str, Any], torch.Size]) -> nn.Module:
    config, event = case
    return registry.build("prior", config, event, posterior=posterior_for(event)).double()


def test_every_registered_prior_is_tested() -> None:
    assert {config["kind"] for config, _ in CASES} == set(registry.names("prior"))


def test_shapes_and_dtype(prior: nn.Module) -> None:
    p = prior()
    assert p.event_shape == prior.event_shape
    assert p.batch_shape == ()
    assert same_support(p, prior)
    z = p.sample(torch.Size([5, 4]))
    assert z.shape == (5, 4, *prior.event_shape)
    assert z.dtype == p.log_prob(z).dtype == torch.float64
    assert p.log_prob(z).shape == (5, 4)


def test_log_prob_integrates_to_one(prior: nn.Module) -> None:
    p, n = prior(), 20_000
    if isinstance(p, SphericalUniform):
        pytest.skip("a constant over the area, which has a test of its own")
    with torch.no_grad():
        r = torch.distributions.Normal(p.mean, 1.3 * p.stddev)
        z = r.sample(torch.Size([n]))
        weights = torch.exp(p.log_prob(z) - r.log_prob(z).flatten(1).sum(-1))
    assert (weights.mean() - 1).abs() < 5 * weights.std() / n**0.5


def test_samples_have_the_stated_mean_and_spread(prior: nn.Module) -> None:
    p, n = prior(), 4000
    with torch.no_grad():
        z = p.sample(torch.Size([n]))
        assert ((z.mean(0) - p.mean).abs() < 5 * p.stddev / n**0.5).all()
        assert ((z.var(0) / p.variance - 1).abs() < 5 * (4 / n) ** 0.5).all()


def test_gradients_reach_every_parameter(prior: nn.Module) -> None:
    if not list(prior.parameters()):
        pytest.skip("nothing to learn")
    z = prior().sample(torch.Size([6]))
    prior().log_prob(z + 0.1).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in prior.parameters())


def test_only_parameters_are_stored(prior: nn.Module) -> None:
    assert set(prior.state_dict()) == {name for name, _ in prior.named_parameters()}


@pytest.mark.parametrize("event", [VECTOR, SEQUENCE], ids=str)
def test_standard_normal_is_scipys(event: torch.Size) -> None:
    p = registry.build("prior", {"kind": "standard_normal"}, event).double()()
    z = torch.randn(7, *event, dtype=torch.float64)
    expected = stats.norm.logpdf(z.numpy()).reshape(7, -1).sum(-1)
    torch.testing.assert_close(p.log_prob(z), torch.from_numpy(expected))
