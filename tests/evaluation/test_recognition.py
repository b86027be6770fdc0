"""Recognition by a classifier that counts words, so that everything it reports can be counted again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from seqvae import recipe
from seqvae.data.store import SequenceStore
from seqvae.errors import DataError
from seqvae.evaluation.recognition import accuracy, histogram, recognition_metrics
from seqvae.modalities.text.modality import TextModality
from seqvae.modalities.text.words import WordCodec
from seqvae.model import build_model
from seqvae.recognition.classifier import likeliest
from seqvae.vae import SeqVAE

CLASSES = ("even", "odd")
SURE = 0.75  # of the class that it names
SENTENCES = ("the cat sat", "a dog ran to the mat", "yes", "the dog", "no cat ran to a dog", "the mat", "a cat and a dog ran")
LABELS = [1, 0, 1, 1, 0, 0, -1]  # "the dog" bears the wrong one, the last none
TOLD_APART = 5 / 6  # of those that bear one


class Counting:
    """Takes a sentence for a class by its number of words; what has none is of no class."""

    classes = CLASSES

    def probabilities(self, records: Sequence[str]) -> Tensor:
        rows = [[SURE, 1 - SURE], [1 - SURE, SURE]]
        return torch.tensor([rows[len(record.split()) % 2] if record else [0.0, 0.0] for record in records])

    def predict(self, records: Sequence[str]) -> Tensor:
        return likeliest(self.probabilities(records))


JUDGE: Any = Counting()


def taken_for(records: Sequence[str]) -> list[int | None]:
    return [len(record.split()) % 2 if record else None for record in records]


def share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


@pytest.fixture
def labelled(make_store: Callable[..., SequenceStore], codec: WordCodec) -> SequenceStore:
    return make_store(codec.encode(SENTENCES), codec.spec, labels=LABELS)


@pytest.fixture
def told(codec: WordCodec) -> SeqVAE:
    """An untrained model that is told the class, which changes what it writes."""
    torch.manual_seed(1)
    parts = {
        "encoder": {"kind": "rnn", "embedding": 8, "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": {"kind": "standard_normal"},
        "decoder": {"kind": "rnn", "embedding": 8, "hidden": 8, "dropout": 0.0},
        "likelihood": {"kind": "categorical"},
        "condition": {"kind": "classes", "names": CLASSES, "width": 8},
    }
    model = build_model(codec.spec, parts)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return SeqVAE(model, codec, TextModality(), recipe.load("text-lstm"), max_length=16)


def test_of_a_model_that_is_told_nothing(held: SeqVAE, labelled: SequenceStore) -> None:
    found = recognition_metrics(held, JUDGE, labelled, split="test", samples=40, temperature=1.5, seed=3)
    again = taken_for(held.reconstruct(list(SENTENCES)))
    samples = taken_for(held.sample(40, temperature=1.5, seed=3))
    labels = [label for label in LABELS if label >= 0]
    assert (found["modality"], found["split"], found["count"], found["sampled"]) == ("text", "test", len(SENTENCES), 40)
    assert found["recognised_real"] == pytest.approx(TOLD_APART)
    assert found["recognised_reconstructed"] == pytest.approx(share([a == b for a, b in zip(again, labels, strict=False)]))
    assert "recognised_sampled" not in found, "nothing was asked for"
    assert found["same_class"] == pytest.approx(share([a == b for a, b in zip(again, taken_for(SENTENCES), strict=True)]))
    assert found["confidence_real"] == pytest.approx(SURE)
    assert found["confidence_sampled"] == pytest.approx(SURE * share([sample is not None for sample in samples]))
    names = {0: "even", 1: "odd", None: ""}
    assert found["sampled_classes"] == {names[c]: pytest.approx(n / 40) for c, n in Counter(samples).items()}


def test_of_a_model_that_is_told_classes(told: SeqVAE, labelled: SequenceStore) -> None:
    found = recognition_metrics(told, JUDGE, labelled, split="test", samples=41, seed=1)
    asked = [number % 2 for number in range(41)]
    samples = taken_for(told.sample(41, seed=1, labels=asked))
    assert found["recognised_sampled"] == pytest.approx(share([a == b for a, b in zip(samples, asked, strict=True)]))
    again = taken_for(told.reconstruct(list(SENTENCES), labels=LABELS))
    assert again != taken_for(told.reconstruct(list(SENTENCES)))
    assert found["recognised_reconstructed"] == pytest.approx(share([a == b for a, b in zip(again[:6], LABELS, strict=False)]))


def test_without_labels_what_needs_none(held: SeqVAE, store: SequenceStore, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="seqvae"):
        found = recognition_metrics(held, JUDGE, store, split="test", samples=5, limit=3)
    assert "the records have no labels" in caplog.text
    assert not [name for name in found if name.startswith("recognised")]
    assert (found["count"], found["sampled"]) == (3, 5)
    assert 0 <= found["same_class"] <= 1


def test_the_seed_decides_and_the_global_generator_is_left_alone(held: SeqVAE, labelled: SequenceStore) -> None:
    before = torch.get_rng_state()
    first, again, other = (recognition_metrics(held, JUDGE, labelled, split="test", samples=50, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert first == again
    assert first["sampled_classes"] != other["sampled_classes"]


def test_what_is_no_record_for_the_classifier_is_never_the_same(held: SeqVAE, store: SequenceStore) -> None:
    class Blind(Counting):
        def probabilities(self, records: Sequence[str]) -> Tensor:
            return torch.zeros(len(records), 2)

    blind: Any = Blind()
    found = recognition_metrics(held, blind, store, split="test", samples=4)
    assert (found["same_class"], found["confidence_real"], found["sampled_classes"]) == (0.0, 0.0, {"": 1.0})


def test_no_records(held: SeqVAE, make_store: Callable[..., SequenceStore], codec: WordCodec) -> None:
    with pytest.raises(DataError, match="no records in"):
        recognition_metrics(held, JUDGE, make_store([], codec.spec), split="test")


def test_accuracy_beside_that_of_the_commonest_label(labelled: SequenceStore, codec: WordCodec) -> None:
    assert accuracy(JUDGE, labelled, codec) == {"count": 6, "accuracy": pytest.approx(TOLD_APART), "commonest": 0.5}


def test_accuracy_of_no_labels(store: SequenceStore, make_store: Callable[..., SequenceStore], codec: WordCodec) -> None:
    assert accuracy(JUDGE, store, codec) == {"count": 0}
    assert accuracy(JUDGE, make_store(codec.encode(SENTENCES), codec.spec, labels=[-1] * 7), codec) == {"count": 0}


def test_histogram() -> None:
    assert histogram(torch.tensor([1, -1, 1, 0, 1]), CLASSES) == {"odd": 0.6, "": 0.2, "even": 0.2}
