import itertools
import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from seqvae.batch import SequenceBatch
from seqvae.importance import importance_log_weights, iwae, iwae_variance
from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec

X = 1.5
LOG_PX = -1.8280121234846454  # N(1.5; 0, 2), for p(z) = N(0,1) and p(x|z) = N(z,1)
# Gauss-Hermite quadrature of E log mean w for q = N(0.5, 1)
BOUNDS = {1: -2.0439385332046727, 2: -1.899265120432121, 3: -1.8695479299161, 4: -1.8573925648687, 10: -1.83774, 50: -1.82976}


class FirstStep(nn.Module):
    calls = 0

    def forward(self, batch):
        self.calls += 1
        return batch.inputs[:, 0]  # [B,1]


class FixedGaussian(nn.Module):
    event_shape = torch.Size([1])

    def __init__(self, mean, deviation):
        super().__init__()
        self.mean, self.deviation = mean, deviation

    def forward(self, features):
        mean = torch.full_like(features, self.mean)
        return Independent(Normal(mean, torch.full_like(mean, self.deviation)), 1)


class StandardNormal(nn.Module):
    def forward(self):
        return Independent(Normal(torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)), 1)


class Latent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = []

    def forward(self, z, batch):
        self.rows.append(z.shape[0] * z.shape[1])
        return z.unsqueeze(2)  # [S,B,1,1]


class UnitGaussian(nn.Module):
    def log_prob(self, features, batch):
        return Normal(features, 1.0).log_prob(batch.inputs).flatten(2).sum(-1)


def linear_gaussian(mean, deviation):
    return SequenceModel(FirstStep(), FixedGaussian(mean, deviation), StandardNormal(), Latent(), UnitGaussian())


def observed(rows):
    return SequenceBatch(torch.full((rows, 1, 1), X, dtype=torch.float64), torch.ones(rows, dtype=torch.int64))


@pytest.mark.parametrize("samples", sorted(BOUNDS))
def test_the_bound_has_its_published_expectation(samples):
    torch.manual_seed(samples)
    bounds = iwae(importance_log_weights(linear_gaussian(0.5, 1.0), observed(20_000), samples))
    assert abs(bounds.mean() - BOUNDS[samples]) < 4 * bounds.std() / math.sqrt(20_000) + 2e-5


def test_the_true_posterior_gives_log_px_with_no_variance():
    log_weights = importance_log_weights(linear_gaussian(0.75, math.sqrt(0.5)), observed(3), 20)
    torch.testing.assert_close(log_weights, torch.full((20, 3), LOG_PX, dtype=torch.float64))
    for samples in (1, 7, 20):
        torch.testing.assert_close(iwae(log_weights[:samples]), torch.full((3,), LOG_PX, dtype=torch.float64))
    assert iwae_variance(log_weights).max() < 1e-20


def test_many_samples_reach_log_px():
    torch.manual_seed(0)
    bound = iwae(importance_log_weights(linear_gaussian(0.5, 1.0), observed(1), 100_000))
    assert abs(bound.item() - LOG_PX) < 0.02


def test_means_over_subsets_of_fixed_weights():
    weights = torch.tensor([-3.0, -1.5, -2.2, -7.0], dtype=torch.float64)
    means = []
    for size in (1, 2, 3, 4):
        subsets = torch.tensor(list(itertools.combinations(range(4), size)))
        means.append(iwae(weights[subsets].T).mean().item())
    assert means == pytest.approx([-3.425, -2.5087931086695066, -2.3912163446401844, -2.341761908115986], abs=1e-12)


def test_very_small_weights_do_not_underflow():
    assert iwae(torch.tensor([[-1000.0], [-1001.0]], dtype=torch.float64)).item() == pytest.approx(-1000.3798854930417, abs=1e-9)
    assert iwae(torch.tensor([[-1000.0], [-1001.0]])).item() == pytest.approx(-1000.37988, abs=1e-3)


def test_one_sample_is_the_elbo_estimate():
    log_weights = torch.randn(1, 5)
    assert torch.equal(iwae(log_weights), log_weights[0])


def test_the_variance_is_that_of_repeated_estimates():
    torch.manual_seed(0)
    log_weights = importance_log_weights(linear_gaussian(0.5, 1.0), observed(4000), 200)
    claimed, seen = iwae_variance(log_weights).mean(), iwae(log_weights).var()
    assert 0.9 < claimed / seen < 1.1


def test_one_sample_says_nothing_of_its_variance():
    assert iwae_variance(torch.zeros(1, 4)).isnan().all()


@pytest.mark.parametrize(("rows", "most"), [(512, 60), (20, 18), (6, 6), (1, 6)])
def test_rows_bound_the_work_in_flight_and_change_no_number(rows, most):
    model = linear_gaussian(0.5, 1.0)
    torch.manual_seed(3)
    log_weights = importance_log_weights(model, observed(6), 10, rows)
    assert max(model.decoder.rows) == most
    assert sum(model.decoder.rows) == 60
    assert model.encoder.calls == 1
    torch.manual_seed(3)
    assert torch.equal(log_weights, importance_log_weights(model, observed(6), 10))


def test_a_sequence_model_agrees_with_its_own_training_pass():
    torch.manual_seed(0)
    rnn = {"kind": "rnn", "embedding": 4, "hidden": 8}
    config = {
        "encoder": rnn,
        "posterior": {"kind": "diagonal", "latent": 3},
        "prior": {"kind": "standard_normal"},
        "decoder": {**rnn, "dropout": 0.5},
        "likelihood": {"kind": "categorical"},
    }
    model = build_model(StepSpec(size=20), config)
    batch = SequenceBatch(torch.randint(3, 20, (4, 7)), torch.tensor([7, 3, 5, 1]))
    model.train()
    torch.manual_seed(5)
    log_weights = importance_log_weights(model, batch, 6, rows=9)
    assert model.training
    assert not log_weights.requires_grad
    model.eval()
    torch.manual_seed(5)
    torch.testing.assert_close(log_weights, model(batch, 6).log_weights.detach())
