"""Sentences of two classes that their words give away, and a classifier that has learnt them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqvae.data.store import SequenceStore, StoreWriter
from seqvae.modalities.text.words import WordCodec
from seqvae.recognition import settings
from seqvae.recognition.classifier import Classifier
from seqvae.recognition.fitting import fit_network
from seqvae.steps import StepSpec

ANIMALS, STARS = ("cat", "dog", "cow", "hen"), ("sun", "moon", "mars", "vega")
WORDS = {0: ANIMALS, 2: STARS}  # no record is of class 1
CLASSES = ("animals", "plants", "stars")
QUICK = ["epochs=6", "batch_tokens=128", "encoder.hidden=8", "encoder.embedding=8", "dropout=0", "lr=0.03"]


def sentences(count: int, seed: int) -> list[tuple[str, int]]:
    chance = random.Random(seed)
    labels = [chance.choice(list(WORDS)) for _ in range(count)]
    return [(" ".join(chance.choices(WORDS[label], k=chance.randint(1, 6))), label) for label in labels]


@pytest.fixture
def labelled() -> list[tuple[str, int]]:
    return sentences(120, 0)


@pytest.fixture
def unseen() -> list[tuple[str, int]]:
    return sentences(60, 1)


@pytest.fixture(scope="session")
def codec() -> WordCodec:
    codec = WordCodec()
    codec.fit([*ANIMALS, *STARS], seed=0)
    return codec


@pytest.fixture(scope="session")
def make_store(tmp_path_factory: pytest.TempPathFactory, codec: WordCodec) -> Callable[..., SequenceStore]:
    """`make_store(pairs)`: sentences and labels (-1 where missing) to a store."""

    def make(pairs: list[tuple[str, int]]) -> SequenceStore:
        folder = tmp_path_factory.mktemp("store")
        with StoreWriter(folder, codec.spec, labels=True) as writer:
            encoded = codec.encode([text for text, _ in pairs])
            writer.append(encoded, [1] * len(pairs), range(len(pairs)), [label for _, label in pairs])
        return SequenceStore(folder)

    return make


@pytest.fixture(scope="session")
def classifier(make_store: Callable[..., SequenceStore], codec: WordCodec) -> Classifier:
    chosen = settings.load(QUICK)
    network = fit_network(make_store(sentences(120, 0)), codec, len(CLASSES), chosen)
    return Classifier(network, codec, "text", {"kind": "word"}, chosen, CLASSES, {"source": "made up"})


@pytest.fixture
def drawings(tmp_path: Path) -> Callable[[int, int], SequenceStore]:
    """`drawings(count, seed)`: random pen strokes that go up (label 0) or down (label 1)."""

    def make(count: int, seed: int) -> SequenceStore:
        chance = np.random.default_rng(seed)
        steps = []
        for number in range(count):
            strokes = np.zeros((int(chance.integers(3, 9)), 5), np.float32)
            strokes[:, :2] = chance.normal(size=(len(strokes), 2))
            strokes[:, 1] += 2 * (number % 2) - 1
            strokes[:-1, 2] = strokes[-1, 4] = 1
            steps.append(strokes)
        folder = tmp_path / f"drawings{seed}"
        with StoreWriter(folder, StepSpec(5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0)), labels=True) as writer:
            writer.append(steps, [1] * count, range(count), [number % 2 for number in range(count)])
        return SequenceStore(folder)

    return make
