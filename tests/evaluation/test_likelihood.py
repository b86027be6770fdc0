from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqvae.data.store import SequenceStore
from seqvae.errors import DataError
from seqvae.evaluation.likelihood import PosteriorPass, importance_nll, posterior_pass, validation_metrics
from seqvae.model import SequenceModel
from seqvae.steps import StepSpec

StoreMaker = Callable[..., SequenceStore]
Conjugate = Callable[[float, float], SequenceModel]
LOG_PX = -1.8280121234846454  # log N(1.5; 0, 2)


@pytest.fixture
def observations(make_store: StoreMaker) -> SequenceStore:
    """2,000 times the observation 1.5."""
    return make_store([np.array([[1.5]], np.float32)] * 2000, StepSpec(size=1, discrete=False, start=(0.0,)))


def one_by_one(model: SequenceModel, store: SequenceStore) -> tuple[np.ndarray, np.ndarray]:
    """Distortion at the posterior mean and rate by the textbook formula, in float64, each record alone and never padded."""
    model = model.double().eval()
    distortion, rate = [], []
    with torch.no_grad():
        for row in range(len(store)):
            batch = store.batch([row])
            mean, log_variance = model.posterior.moments(model.encoder(batch))[0].chunk(2)  # type: ignore[operator,union-attr]
            log_variance = log_variance.clamp(-20, 20)
            rate.append(float(0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()))
            features = model.decoder(mean[None, None], batch)[0, 0]
            log_p = torch.log_softmax(features @ model.likelihood.weight.t() + model.likelihood.bias, dim=-1)  # type: ignore
            distortion.append(-float(sum(log_p[t, token] for t, token in enumerate(store[row].tolist()))))
    model.float()
    return np.array(distortion), np.array(rate)


class TestPosteriorPass:
    def test_equals_records_one_by_one_in_double(self, sharp: SequenceModel, store: SequenceStore) -> None:
        measured = posterior_pass(sharp, store)
        distortion, rate = one_by_one(sharp, store)
        np.testing.assert_allclose(measured.distortion.numpy(), distortion[measured.rows], atol=5e-3)
        np.testing.assert_allclose(measured.rate.sum(1).numpy(), rate[measured.rows], rtol=1e-5)
        assert measured.summary["distortion_nats"] == pytest.approx(distortion.mean(), abs=5e-3)
        assert measured.summary["rate_nats"] == pytest.approx(rate.mean(), rel=1e-5)

    def test_elbo_is_minus_distortion_minus_rate(self, model: SequenceModel, store: SequenceStore) -> None:
        summary = posterior_pass(model, store).summary
        assert summary["elbo_nats"] == -(summary["rate_nats"] + summary["distortion_nats"])

    def test_every_step_counts_and_the_end_but_no_start_and_no_padding(self, uniform: SequenceModel, store: SequenceStore) -> None:
        words = sum(len(store[row]) - 1 for row in range(len(store)))
        expected = (words + len(store)) * math.log(store.spec.size) / len(store)
        assert posterior_pass(uniform, store).summary["distortion_nats"] == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("batch_tokens", [1, 9, 30])
    def test_batches_and_padding_change_nothing(self, sharp: SequenceModel, store: SequenceStore, batch_tokens: int) -> None:
        together, apart = posterior_pass(sharp, store), posterior_pass(sharp, store, batch_tokens=batch_tokens)
        np.testing.assert_array_equal(together.rows, apart.rows)
        for name in ("rate", "means"):
            torch.testing.assert_close(getattr(apart, name), getattr(together, name), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(apart.distortion, together.distortion, rtol=0, atol=5e-3)

    def test_order_of_records_changes_nothing(self, sharp: SequenceModel, store: SequenceStore, make_store: StoreMaker) -> None:
        turned = make_store([np.array(store[row]) for row in reversed(range(len(store)))], store.spec)
        first, second = posterior_pass(sharp, store).summary, posterior_pass(sharp, turned).summary
        assert second == pytest.approx(first, abs=5e-3)

    def test_limit_takes_the_first_records_of_the_store(self, model: SequenceModel, store: SequenceStore) -> None:
        assert sorted(posterior_pass(model, store, limit=3).rows) == [0, 1, 2]

    def test_one_sample_of_each_posterior(self, model: SequenceModel, store: SequenceStore) -> None:
        measured = posterior_pass(model, store, batch_tokens=9)
        scale = torch.cat([q.stddev for q in measured.posteriors])
        distance = (measured.z[0] - measured.means) / scale
        assert measured.z.shape == (1, len(store), 4)
        assert 0 < float(distance.abs().max()) < 5

    def test_no_records(self, model: SequenceModel, store: SequenceStore) -> None:
        with pytest.raises(DataError, match=r"no records in .*choose another split"):
            posterior_pass(model, store, limit=0)


@pytest.mark.parametrize("measure", [posterior_pass, validation_metrics, importance_nll])
class TestNothingIsDisturbed:
    def test_the_global_generator(self, measure: Callable[..., object], model: SequenceModel, store: SequenceStore) -> None:
        before = torch.get_rng_state()
        measure(model, store)
        assert torch.equal(torch.get_rng_state(), before)

    def test_each_modules_mode(self, measure: Callable[..., object], model: SequenceModel, store: SequenceStore) -> None:
        model.train()
        model.encoder.eval()
        measure(model, store)
        assert model.training
        assert model.decoder.training
        assert not any(module.training for module in model.encoder.modules())


class TestValidation:
    def test_same_numbers_as_the_pass(self, model: SequenceModel, store: SequenceStore) -> None:
        metrics = validation_metrics(model, store, seed=3)
        assert set(metrics) == {
            *("elbo_nats", "rate_nats", "distortion_nats", "active_units", "latent_dim", "rate_per_dimension"),
            *("mi_nats", "mi_bound_nats"),
        }
        assert metrics["elbo_nats"] == posterior_pass(model, store, seed=3).summary["elbo_nats"]
        assert sum(metrics["rate_per_dimension"]) == pytest.approx(metrics["rate_nats"], rel=1e-6)
        assert len(metrics["rate_per_dimension"]) == 4

    def test_a_rate_without_active_units(self, constant: SequenceModel, store: SequenceStore) -> None:
        metrics = validation_metrics(constant, store)
        assert metrics["rate_nats"] == pytest.approx(4 * 3.6**2 / 2, rel=1e-5)
        assert metrics["active_units"] == 0

    def test_the_seed_decides(self, model: SequenceModel, store: SequenceStore) -> None:
        assert validation_metrics(model, store, seed=1) == validation_metrics(model, store, seed=1)
        assert validation_metrics(model, store, seed=1)["elbo_nats"] != validation_metrics(model, store, seed=2)["elbo_nats"]


class TestImportance:
    def test_one_sample_is_the_elbo(self, conjugate: Conjugate, observations: SequenceStore) -> None:
        model = conjugate(0.5, 1.0)
        nll = importance_nll(model, observations, samples=1)
        error = float(nll.nll.double().std()) / math.sqrt(len(observations))
        assert nll.mean == pytest.approx(2.0439385332046727, abs=5 * error)
        assert math.isnan(nll.stderr)

    @pytest.mark.parametrize(("samples", "bound"), [(2, 1.899265120432121), (4, 1.8573925648687)])
    def test_the_bound_of_few_samples(self, conjugate: Conjugate, observations: SequenceStore, samples: int, bound: float) -> None:
        nll = importance_nll(conjugate(0.5, 1.0), observations, samples=samples)
        error = float(nll.nll.double().std()) / math.sqrt(len(observations))
        assert nll.mean == pytest.approx(bound, abs=5 * error)

    def test_the_exact_posterior_gives_the_exact_value(self, conjugate: Conjugate, observations: SequenceStore) -> None:
        model = conjugate(0.75, math.sqrt(0.5))
        nll = importance_nll(model, observations, samples=3)
        torch.testing.assert_close(nll.nll, torch.full_like(nll.nll, -LOG_PX), rtol=0, atol=1e-5)
        assert nll.stderr < 1e-7

    def test_standard_error_is_the_spread_over_draws(self, conjugate: Conjugate, observations: SequenceStore) -> None:
        nll = importance_nll(conjugate(0.5, 1.0), observations, samples=100)
        spread = float(nll.nll.double().std())  # all records are the same: draws alone make them differ
        assert nll.stderr == pytest.approx(spread / math.sqrt(len(observations)), rel=0.1)

    def test_below_minus_elbo(self, model: SequenceModel, store: SequenceStore) -> None:
        nll = importance_nll(model, store, samples=500)
        distortion = [posterior_pass(model, store, seed=seed).summary["distortion_nats"] for seed in range(30)]
        rate = posterior_pass(model, store).summary["rate_nats"]
        error = np.std(distortion, ddof=1) / math.sqrt(30) + nll.stderr
        assert nll.mean < np.mean(distortion) + rate + 5 * error
        assert nll.mean < np.mean(distortion) + rate  # here the gap is far wider than the error

    @pytest.mark.parametrize("rows", [1, 24, 10**6])
    def test_rows_are_a_matter_of_memory_only(self, model: SequenceModel, store: SequenceStore, rows: int) -> None:
        expected = importance_nll(model, store, samples=11)
        torch.testing.assert_close(importance_nll(model, store, samples=11, rows=rows).nll, expected.nll, rtol=1e-5, atol=1e-5)

    def test_tokens_of_the_whole_sentence(self, uniform: SequenceModel, store: SequenceStore) -> None:
        nll = importance_nll(uniform, store, samples=2000)
        expected = float(store.lengths.mean()) * math.log(store.spec.size)  # z tells nothing: log p(x) is the likelihood alone
        assert nll.mean == pytest.approx(expected, abs=5 * nll.stderr)

    def test_bf16_is_near(self, sharp: SequenceModel, store: SequenceStore) -> None:
        wide = posterior_pass(sharp, store, precision="fp32").summary["distortion_nats"]
        narrow = posterior_pass(sharp, store, precision="bf16").summary["distortion_nats"]
        assert narrow != wide
        assert narrow == pytest.approx(wide, rel=0.02)

    def test_fp32_overrules_the_callers_autocast(self, sharp: SequenceModel, store: SequenceStore) -> None:
        expected = posterior_pass(sharp, store).summary
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert posterior_pass(sharp, store, precision="fp32").summary == expected
            assert posterior_pass(sharp, store).summary != expected


def test_a_rate_without_closed_form_is_estimated_at_z(conjugate: Conjugate, observations: SequenceStore) -> None:
    from torch.distributions import Distribution, Independent, StudentT

    model = conjugate(0.0, 1.0)

    class Heavy(torch.nn.Module):
        event_shape = torch.Size([1])

        def forward(self, features: torch.Tensor) -> Distribution:
            return Independent(StudentT(torch.full((len(features), 1), 5.0)), 1)

    model.posterior = Heavy()
    measured: PosteriorPass = posterior_pass(model, observations)
    q, p = Heavy()(torch.zeros(len(observations), 1)), model.prior()
    expected = q.log_prob(measured.z[0]) - p.log_prob(measured.z[0])
    torch.testing.assert_close(measured.rate.sum(1), expected)
