from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from seqvae.data.store import SequenceStore
from seqvae.definitions import DEFINITIONS
from seqvae.errors import DataError
from seqvae.evaluation.card import as_text, evaluate, table
from seqvae.evaluation.likelihood import ImportanceEstimate
from seqvae.model import SequenceModel

KEYS = [
    *("modality", "split", "count", "samples"),
    *("elbo_nats", "rate_nats", "distortion_nats", "nll_nats", "nll_stderr_nats", "ppl_word", "ppl_token"),
    *("mi_nats", "mi_bound_nats", "mi_minibatch_nats", "active_units", "latent_dim", "collapsed"),
    *("reconstruction_exact", "reconstruction_token_accuracy", "bleu", "retrieval_gallery", "retrieval_top1"),
]


class TestEvaluate:
    def test_the_keys_are_the_contract(self, held: Any, store: SequenceStore) -> None:
        assert list(evaluate(held, store, split="test", samples=5)) == KEYS

    def test_plain_values_that_survive_json(self, held: Any, store: SequenceStore) -> None:
        metrics = evaluate(held, store, split="test", samples=5)
        assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
        assert {type(value) for value in metrics.values()} == {str, int, float, bool}

    def test_what_was_evaluated(self, held: Any, store: SequenceStore) -> None:
        metrics = evaluate(held, store, split="valid", samples=5, limit=4)
        assert {name: metrics[name] for name in ("modality", "split", "count", "samples", "latent_dim")} == {
            "modality": "text",
            "split": "valid",
            "count": 4,
            "samples": 5,
            "latent_dim": 4,
        }
        assert metrics["mi_bound_nats"] == math.log(4)

    def test_one_sample_has_no_standard_error(self, held: Any, store: SequenceStore) -> None:
        assert "nll_stderr_nats" not in evaluate(held, store, split="test", samples=1, reconstruct=False)

    def test_the_seed_decides_and_the_global_generator_does_not(self, held: Any, store: SequenceStore) -> None:
        first = evaluate(held, store, split="test", samples=5, seed=1)
        torch.manual_seed(99)
        assert evaluate(held, store, split="test", samples=5, seed=1) == first
        assert evaluate(held, store, split="test", samples=5, seed=2)["nll_nats"] != first["nll_nats"]

    def test_identities(self, held: Any, store: SequenceStore) -> None:
        metrics = evaluate(held, store, split="test", samples=200, reconstruct=False)
        assert metrics["elbo_nats"] == -(metrics["rate_nats"] + metrics["distortion_nats"])
        assert metrics["mi_nats"] <= metrics["mi_bound_nats"]
        tokens = sum(len(store[row]) for row in range(len(store)))
        assert metrics["ppl_token"] == pytest.approx(math.exp(metrics["nll_nats"] * len(store) / tokens))
        assert metrics["ppl_word"] == pytest.approx(metrics["ppl_token"])  # a token is a word here

    def test_tokens_are_counted_as_scored(self, held: Any, uniform: SequenceModel, store: SequenceStore) -> None:
        metrics = evaluate(held, store, split="test", samples=2000, reconstruct=False)
        assert metrics["ppl_token"] == pytest.approx(store.spec.size, rel=0.05)  # a fair die with V sides

    def test_words_are_the_stores_units(self, held: Any, make_store: Any, store: SequenceStore) -> None:
        halves = make_store([np.array(store[row]) for row in range(len(store))], store.spec, [1] * len(store))
        metrics = evaluate(held, halves, split="test", samples=5, reconstruct=False)
        assert metrics["ppl_word"] == pytest.approx(math.exp(metrics["nll_nats"] / 2))

    def test_order_of_records_changes_nothing(self, held: Any, sharp: SequenceModel, store: SequenceStore, make_store: Any) -> None:
        turned = make_store([np.array(store[row]) for row in reversed(range(len(store)))], store.spec)
        first, second = (evaluate(held, part, split="test", samples=3) for part in (store, turned))
        numbers = [name for name in KEYS if isinstance(first[name], float) and name != "nll_stderr_nats"]
        assert {name: second[name] for name in numbers} == pytest.approx({name: first[name] for name in numbers}, rel=2e-3)

    def test_no_records(self, held: Any, store: SequenceStore) -> None:
        with pytest.raises(DataError, match="no records"):
            evaluate(held, store, split="test", limit=0)

    def test_a_modality_without_perplexities(self, held: Any, store: SequenceStore) -> None:
        class Drawing:
            name = "drawing"

            @staticmethod
            def reconstruction_metrics(references: Any, hypotheses: Any) -> dict[str, float]:
                return {"chamfer": 0.5}

        held.modality = Drawing()
        metrics = evaluate(held, store, split="test", samples=5)
        assert not {"ppl_word", "ppl_token", "bleu"} & set(metrics)
        assert metrics["chamfer"] == 0.5


class TestPublishedPerplexity:
    """PTB's test split has 3,761 sentences and 82,430 target tokens; texar publishes 101.92 nats and a perplexity of 104.61."""

    def test_arithmetic(self, held: Any, make_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        count, target_tokens = 3761, 82_430
        short, long = target_tokens // count, target_tokens // count + 1
        of_long = target_tokens - short * count
        sequences = [np.full(long if row < of_long else short, 5, np.int32) for row in range(count)]
        nll = ImportanceEstimate(torch.full((count,), 101.92), torch.zeros(count))
        monkeypatch.setattr("seqvae.evaluation.card.importance_nll", lambda *args, **kwargs: nll)
        metrics = evaluate(held, make_store(sequences, held.codec.spec), split="test", reconstruct=False)
        assert round(metrics["ppl_word"], 2) == 104.61
        assert round(metrics["ppl_token"], 2) == 104.61


class TestCollapse:
    def test_a_constant_posterior_off_the_prior_is_collapsed(
        self, held: Any, constant: SequenceModel, store: SequenceStore
    ) -> None:
        metrics = evaluate(held, store, split="test", samples=5, reconstruct=False)
        assert metrics["rate_nats"] == pytest.approx(25.92, rel=1e-5)
        assert metrics["active_units"] == 0
        assert abs(metrics["mi_nats"]) < 1e-6
        assert metrics["collapsed"] is True

    def test_an_informed_one_is_not(self, held: Any, sharp: SequenceModel, store: SequenceStore) -> None:
        metrics = evaluate(held, store, split="test", samples=5, reconstruct=False)
        assert metrics["mi_nats"] == pytest.approx(math.log(len(store)))
        assert metrics["collapsed"] is False


class TestTable:
    def test_every_number_has_a_meaning(self, held: Any, store: SequenceStore) -> None:
        metrics = evaluate(held, store, split="test", samples=5)
        rows = table(metrics)
        assert [row.name for row in rows] == KEYS
        assert all(row.meaning for row in rows)
        assert all(row.unit for row in rows if isinstance(metrics[row.name], float))

    def test_values_as_shown(self) -> None:
        shown = {row.name: row.value for row in table({"count": 3761, "nll_nats": 101.92345, "collapsed": True, "split": "test"})}
        assert shown == {"count": "3761", "nll_nats": "101.9235", "collapsed": "yes", "split": "test"}

    def test_a_modalitys_own_number_is_shown_too(self) -> None:
        assert table({"chamfer": 0.5}) == [("chamfer", "0.5000", "", "")]

    def test_definitions_cover_the_contract(self) -> None:
        known = [name for name in DEFINITIONS if name != "classes"]  # which only a model that is told them has
        assert known[: len(KEYS)] == KEYS  # then what describes the training

    def test_text_ends_with_the_verdict(self, held: Any, constant: SequenceModel, store: SequenceStore) -> None:
        text = as_text(evaluate(held, store, split="test", samples=5, reconstruct=False)).splitlines()
        assert text[0].split() == ["modality", "text", "what", "the", "records", "are"]
        assert text[-1].startswith("Collapsed: a rate of 25.92 nats")
        assert "What to try first" in text[-1]
