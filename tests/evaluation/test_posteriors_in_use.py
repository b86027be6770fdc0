"""Every posterior and every prior in all their uses: a training step, an evaluation, samples, and back from a disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.data.store import SequenceStore
from seqvae.evaluation.card import as_text, evaluate
from seqvae.evaluation.diagnosis import diagnose
from seqvae.evaluation.likelihood import criterion, validation_metrics
from seqvae.modalities.text.modality import TextModality
from seqvae.modalities.text.words import WordCodec
from seqvae.model import build_model
from seqvae.objectives.elbo import Elbo
from seqvae.vae import SeqVAE

CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "diagonal", "latent": 4}, {"kind": "standard_normal"}),
    ({"kind": "diagonal", "latent": 4, "batch_norm_gamma": 0.6}, {"kind": "standard_normal"}),
    ({"kind": "diagonal", "latent": 2, "positions": 3}, {"kind": "ar1"}),
    ({"kind": "diagonal", "latent": 4}, {"kind": "mixture", "components": 3}),
    ({"kind": "diagonal", "latent": 4}, {"kind": "vamp", "components": 3}),
    ({"kind": "full_covariance", "latent": 4}, {"kind": "standard_normal"}),
    ({"kind": "delta", "latent": 4}, {"kind": "standard_normal"}),
    ({"kind": "iaf", "latent": 4, "hidden": 8}, {"kind": "standard_normal"}),
    ({"kind": "von_mises_fisher", "latent": 4}, {"kind": "uniform_sphere"}),
    ({"kind": "von_mises_fisher", "latent": 4, "kappa": "learned"}, {"kind": "vamp", "components": 3}),
    ({"kind": "power_spherical", "latent": 4, "kappa": "learned"}, {"kind": "uniform_sphere"}),
    ({"kind": "deterministic", "latent": 4}, {"kind": "standard_normal"}),
]
NEEDS_DENSITY = {
    *("elbo_nats", "rate_nats", "nll_nats", "nll_stderr_nats", "ppl_word", "ppl_token"),
    *("mi_nats", "mi_bound_nats", "mi_minibatch_nats"),
}


@pytest.fixture(params=CASES, ids=lambda case: "-".join(str(value) for part in case for value in part.values()))
def vae(request: pytest.FixtureRequest, codec: WordCodec) -> SeqVAE:
    posterior, prior = request.param
    recipe = recipes.load(
        "text-lstm",
        [
            "tokenizer=word",
            "model.encoder={kind: rnn, embedding: 8, hidden: 8}",
            "model.decoder={kind: rnn, embedding: 8, hidden: 8}",
            f"model.posterior={json.dumps(posterior)}",
            f"model.prior={json.dumps(prior)}",
        ],
    )
    model = build_model(codec.spec, recipe.to_config()["model"])
    return SeqVAE(model, codec, TextModality(), recipe, max_length=8)


def test_every_posterior_and_every_prior_is_used() -> None:
    for kind, place in (("posterior", 0), ("prior", 1)):
        assert {case[place]["kind"] for case in CASES} == set(registry.names(kind))


def test_a_training_step_moves_every_weight_that_matters_and_leaves_all_finite(vae: SeqVAE, store: SequenceStore) -> None:
    optimizer = torch.optim.SGD(vae.model.parameters(), lr=0.1)
    before = {name: parameter.clone() for name, parameter in vae.model.named_parameters()}
    loss = Elbo(samples=2)(vae.model.train(), store.batch(range(len(store))), 0)
    assert loss.per_sequence.shape == (len(store),)
    loss.total.backward()
    optimizer.step()
    after = dict(vae.model.named_parameters())
    assert all(torch.isfinite(parameter).all() for parameter in after.values())
    assert any(not torch.equal(after[name], before[name]) for name in after if name.startswith("posterior"))


def test_an_evaluation_gives_what_applies(vae: SeqVAE, store: SequenceStore) -> None:
    metrics = evaluate(vae, store, split="test", samples=3)
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    dense = vae.recipe.model.posterior["kind"] != "deterministic"
    assert (set(metrics) >= NEEDS_DENSITY) if dense else not set(metrics) & NEEDS_DENSITY
    assert {"distortion_nats", "active_units", "latent_dim", "collapsed", "bleu"} <= set(metrics)
    if dense:
        assert metrics["mi_nats"] <= metrics["mi_bound_nats"] + 1e-9
    else:
        assert "a point without a density, so rate, ELBO, NLL and mutual information do not exist" in as_text(metrics)


def test_training_can_watch_it_and_choose_its_best_model(vae: SeqVAE, store: SequenceStore) -> None:
    metrics = validation_metrics(vae.model, store)
    assert criterion(metrics) == metrics.get("elbo_nats", -metrics["distortion_nats"])
    assert criterion(metrics, beta=0.0) == -metrics["distortion_nats"]
    assert ("mi_nats" in metrics) == ("elbo_nats" in metrics)


def test_a_diagnosis_says_what_applies(vae: SeqVAE, store: SequenceStore) -> None:
    found = diagnose(vae, store, split="test")
    assert ("aggregated_kl_nats" in found) == ("rate_nats" in found)
    assert "round_trip_prior" in found


def test_samples_paths_and_completions(vae: SeqVAE) -> None:
    assert len(vae.sample(3, seed=0)) == 3
    assert len(vae.interpolate("the cat sat", "a dog ran", steps=4)) == 4
    assert len(vae.reconstruct(["the cat sat"])) == 1
    assert isinstance(vae.arithmetic("the cat sat", "a dog ran", "yes"), str)
    assert all(record.startswith("the") for record in vae.complete("the", n=2, seed=0))


def test_the_decoder_only_ever_sees_latents_of_the_support(vae: SeqVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    start = type(vae.model.decoder).start

    def watched(decoder: Any, z: torch.Tensor) -> Any:
        seen.append(z)
        return start(decoder, z)

    monkeypatch.setattr(type(vae.model.decoder), "start", watched)
    vae.interpolate("the cat sat", "a dog ran", steps=3, method="linear")
    vae.arithmetic("the cat sat", "a dog ran", "yes")
    support = vae.model.posterior(torch.zeros(1, vae.model.posterior.width)).support
    assert seen
    assert all(support.check(z).all() for z in seen)


def test_a_density_fitted_afterwards_is_saved_and_sampled(vae: SeqVAE, tmp_path: Path) -> None:
    records = ["the cat sat on the mat", "a dog ran", "the dog sat", "yes", "no cat ran to a dog", "the mat"]
    vae.fit_prior(records, components=2, seed=0)
    drawn = vae.sample(3, seed=0, prior="ex_post")
    vae.save_pretrained(tmp_path / "model")
    again = SeqVAE.from_pretrained(tmp_path / "model")
    assert again.sample(3, seed=0, prior="ex_post") == drawn
    assert again.sample(3, seed=0) == vae.sample(3, seed=0)
