"""The diagnosis on models whose illness is known because it was made."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from seqvae import recipe
from seqvae.data.store import SequenceStore
from seqvae.evaluation.diagnosis import _returned, diagnose
from seqvae.evaluation.likelihood import posterior_pass, validation_metrics
from seqvae.evaluation.verdict import verdict
from seqvae.modalities.grammar.codec import GrammarCodec
from seqvae.modalities.text.modality import TextModality
from seqvae.model import SequenceModel
from seqvae.posteriors.deterministic import DeterministicPosterior
from seqvae.vae import SeqVAE
from tests.evaluation.conftest import LATENT, tiny_model

KEYS = {
    *("modality", "split", "count", "elbo_nats", "rate_nats", "distortion_nats", "mi_nats", "mi_bound_nats", "aggregated_kl_nats"),
    *("active_units", "latent_dim", "decoder_sensitivity_nats", "round_trip_prior", "round_trip_posterior"),
    *("rate_per_dimension", "collapsed", "verdict"),
}


@pytest.fixture
def deaf(sharp: SequenceModel, monkeypatch: pytest.MonkeyPatch) -> SequenceModel:
    """`sharp` with a decoder that is told nothing: its latents tell all records apart, and nobody reads them."""
    forward, start = sharp.decoder.forward, sharp.decoder.start
    monkeypatch.setattr(sharp.decoder, "forward", lambda z, batch: forward(torch.zeros_like(z), batch))
    monkeypatch.setattr(sharp.decoder, "start", lambda z: start(torch.zeros_like(z)))
    return sharp


def test_plain_values_that_survive_json(held: Any, store: SequenceStore) -> None:
    found = diagnose(held, store, split="valid")
    assert KEYS <= found.keys() <= KEYS | {"try_first", "why"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert diagnose(held, store, split="valid") == found
    assert diagnose(held, store, split="valid", limit=3)["count"] == 3


def test_the_rate_divides_into_information_and_distance_from_the_prior(held: Any, store: SequenceStore) -> None:
    """I(x;z) + KL(q(z)||p(z)) is the rate as estimated at the same latents."""
    found, measured = diagnose(held, store, split="valid"), posterior_pass(held.model, store)
    own = torch.cat([q.log_prob(z) for q, z in zip(measured.posteriors, measured.z[0].split(_sizes(measured)), strict=True)])
    estimate = (own - held.model.prior().log_prob(measured.z[0])).mean()
    assert found["mi_nats"] + found["aggregated_kl_nats"] == pytest.approx(float(estimate), rel=1e-5)
    assert sum(found["rate_per_dimension"]) == pytest.approx(found["rate_nats"])


def _sizes(measured: Any) -> list[int]:
    return [q.batch_shape[0] for q in measured.posteriors]


def test_a_floor_met_by_a_constant_posterior_is_collapse(held: Any, constant: SequenceModel, store: SequenceStore) -> None:
    """26 nats of rate, none of information: all of it is distance from the prior."""
    found = diagnose(held, store, split="valid")
    assert found["rate_nats"] == pytest.approx(25.92, rel=1e-5)
    assert found["mi_nats"] == pytest.approx(0, abs=1e-6)
    assert found["active_units"] == 0
    assert found["collapsed"] is True
    assert "posterior is nearly the same for every record" in found["verdict"]
    assert "try_first" in found


def test_training_sees_through_such_a_rate_too(constant: SequenceModel, store: SequenceStore) -> None:
    metrics = validation_metrics(constant, store)
    assert metrics["rate_nats"] == pytest.approx(25.92, rel=1e-5)
    assert metrics["mi_nats"] == pytest.approx(0, abs=1e-6)
    assert metrics["mi_bound_nats"] == pytest.approx(math.log(len(store)))
    assert verdict(metrics).collapsed
    assert "a floor under the rate is met without information" in verdict(metrics).sentence


def test_a_decoder_that_does_not_listen_is_found_out(held: Any, deaf: SequenceModel, store: SequenceStore) -> None:
    found = diagnose(held, store, split="valid")
    assert found["mi_nats"] == pytest.approx(math.log(len(store)))
    assert found["active_units"] > 0
    assert found["decoder_sensitivity_nats"] == pytest.approx(0, abs=1e-5)
    assert found["collapsed"] is True
    assert "the decoder does not listen" in found["verdict"]


def test_sensitivity_is_what_the_other_ones_latent_costs(held: Any, sharp: SequenceModel, store: SequenceStore) -> None:
    """With two records there is one way to swap, and sharp posteriors leave nothing to chance."""
    batch = store.batch([0, 1])
    sharp.eval()
    with torch.no_grad():
        sharp.posterior.moments.weight.mul_(10)  # type: ignore[union-attr,operator]  # an untrained encoder hardly tells them apart
        z = sharp.infer(batch)[1].mean
        own, swapped = (sharp.log_likelihood(side[None], batch)[0] for side in (z, z.flip(0)))
    found = diagnose(held, store, split="valid", limit=2)
    assert found["decoder_sensitivity_nats"] == pytest.approx(float((own - swapped).mean()), abs=5e-3)
    assert abs(found["decoder_sensitivity_nats"]) > 0.05


def test_a_posterior_without_density_leaves_out_what_it_has_not(held: Any, model: SequenceModel, store: SequenceStore) -> None:
    model.posterior = DeterministicPosterior(16, latent=4)
    found = diagnose(held, store, split="valid")
    assert not {"mi_nats", "mi_bound_nats", "aggregated_kl_nats"} & found.keys()
    assert {"decoder_sensitivity_nats", "round_trip_prior"} <= found.keys()
    assert "mi_nats" not in validation_metrics(model, store)


def test_one_record_has_nobody_to_swap_with(held: Any, store: SequenceStore) -> None:
    found = diagnose(held, store, split="valid", limit=1)
    assert not {"decoder_sensitivity_nats", "round_trip_posterior"} & found.keys()
    assert "Too few records" in found["verdict"]


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.0, -1.0])
def test_what_comes_back_of_a_round_trip(scale: float, echoing: Any) -> None:
    vae = echoing(scale)
    z = torch.randn(300, 3)
    z = z - z.mean(0)
    with torch.no_grad():
        assert _returned(vae, z, None) == pytest.approx(1 - (1 - scale) ** 2, abs=1e-5)


def test_a_grammar_keeps_the_round_trip_to_its_records() -> None:
    """An untrained model hardly writes a derivation of its own accord; what comes back is that of the records it does write."""
    codec = GrammarCodec(grammar="expression")
    vae = SeqVAE(tiny_model(codec.spec), codec, TextModality(), recipe.load("expression-grammar"), max_length=12)
    z = torch.randn(40, LATENT)
    difference = z - vae.encode(vae.decode(z))
    with torch.inference_mode():
        back = _returned(vae, z, None)
    assert back == pytest.approx(1 - float(difference.square().sum() / (z - z.mean(0)).square().sum()), abs=1e-4)
