from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from seqvae import registry
from seqvae.distributions.sphere import unit_sphere
from seqvae.errors import ConfigError
from seqvae.explore import starts
from seqvae.explore.bayesian import METHODS, TrustRegion, bayesian
from seqvae.explore.goal import Goal
from seqvae.explore.oracle import Oracle


def words(records):
    return np.array([len(record.split()) for record in records], np.float64)


@pytest.fixture
def goal(vae):
    return Goal(vae.model.heads, {"words": 1.0})


@pytest.fixture
def begin(vae):
    begin = starts.from_prior(vae, 12, seed=0)
    return starts.Starts(begin.z, begin.records, words(begin.records)[:, None])


@pytest.mark.parametrize(("batch", "tolerance"), [(1, 20), (4, 5), (7, 3), (50, 1)])
def test_the_box_halves_after_as_many_failed_batches_as_make_up_the_dimensions(batch: int, tolerance: int) -> None:
    """ceil(max(4, 20) / q): as many latents are tried whatever the batch."""
    region = TrustRegion(20, batch)
    for _ in range(tolerance - 1):
        region.update(False)
    assert region.length == 0.8
    region.update(False)
    assert region.length == 0.4


def test_the_box_doubles_with_three_successes_and_not_beyond_its_most() -> None:
    region = TrustRegion(6, 1)
    for expected in (0.8, 0.8, 1.6, 1.6, 1.6, 1.6):
        region.update(True)
        assert region.length == expected


def test_a_success_in_between_forgives_failures_and_a_tiny_box_starts_anew() -> None:
    region = TrustRegion(2, 1)  # four failures, the least that TuRBO waits for
    for improved in (False, False, False, True, False, False, False):
        region.update(improved)
    assert region.length == 0.8
    region = TrustRegion(2, 1, length=2.0**-7)
    for _ in range(4):
        region.update(False)
    assert region.length == 0.8


@pytest.mark.parametrize("method", METHODS)
def test_the_budget_is_kept_and_values_are_real(vae, goal, begin, method):
    pytest.importorskip("botorch")
    oracle = Oracle({"words": words}, budget=4)
    found = bayesian(vae, goal, begin, oracle, method, batch=2, seed=0)
    assert oracle.calls <= 4
    assert {value for _, value in found} <= {float(n) for n in range(1, 9)}
    assert all(value == len(record.split()) for record, value in found)
    assert len({record for record, _ in found}) == len(found)


def test_on_a_sphere_the_process_learns_from_what_is_decoded(vae, goal, begin, monkeypatch):
    pytest.importorskip("botorch")
    vae.model.posterior = registry.build("posterior", {"kind": "von_mises_fisher", "latent": 4}, vae.model.posterior.width)
    seen = []

    def anywhere(x, y, count, region):
        seen.append(x)
        return torch.randn(count, x.shape[1], dtype=x.dtype)

    monkeypatch.setitem(METHODS, "anywhere", anywhere)
    bayesian(vae, goal, begin, Oracle({"words": words}, budget=30), "anywhere", batch=10, seed=0)
    assert len(seen) > 1
    assert unit_sphere.check(seen[-1]).all()


@pytest.mark.parametrize("method", METHODS)
def test_proposals_go_where_values_are_high(method):
    pytest.importorskip("botorch")
    torch.manual_seed(0)
    x = torch.rand(30, 3, dtype=torch.float64)
    y = -(x - 0.8).square().sum(1, keepdim=True)
    z = METHODS[method](x, y, 8, TrustRegion(3, 8))
    assert z.shape == (8, 3)
    assert -(z - 0.8).square().sum(1).mean() > y.mean()


def test_expected_improvement_is_the_closed_form():
    """EI = s (u F(u) + f(u)), u = (m - best) / s, of a normal with mean 1 and deviation 0.5 over 0.8."""
    pytest.importorskip("botorch")
    from botorch.acquisition import LogExpectedImprovement
    from botorch.utils.testing import MockModel, MockPosterior

    posterior = MockPosterior(mean=torch.tensor([[1.0]], dtype=torch.float64), variance=torch.tensor([[0.25]], dtype=torch.float64))
    found = LogExpectedImprovement(MockModel(posterior), best_f=0.8)(torch.zeros(1, 1, dtype=torch.float64))
    assert found.exp().item() == pytest.approx(0.3152194185, abs=2e-8)


def test_one_class_is_kept_to(told, monkeypatch):
    pytest.importorskip("botorch")
    begin = starts.from_prior(told, 12, seed=0, labels="new")
    begin = replace(begin, values=words(begin.records)[:, None])
    proposed = 2 * torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    monkeypatch.setitem(METHODS, "trust_region", lambda x, y, count, region: proposed)
    goal, oracle = Goal(told.model.heads, {"words": 1.0}), Oracle({"words": words}, budget=50)
    found = {record for record, _ in bayesian(told, goal, begin, oracle, "trust_region")}
    assert found == set(told.decode(proposed, labels="new"))
    assert found != set(told.decode(proposed))
    mixed = replace(begin, labels=torch.arange(12) % 2)
    with pytest.raises(ConfigError, match="keeps to one class, and the starts are of 2; give starts of one"):
        bayesian(told, goal, mixed, oracle, "trust_region")


def test_what_cannot_be_done(vae, goal, begin):
    oracle = Oracle({"words": words}, budget=3)
    with pytest.raises(ConfigError, match="unknown method 'expected_improvment'; did you mean 'expected_improvement'"):
        bayesian(vae, goal, begin, oracle, "expected_improvment")
    with pytest.raises(ConfigError, match="needs a budget of calls"):
        bayesian(vae, goal, begin, Oracle({"words": words}), "trust_region")
