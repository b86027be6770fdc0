"""A tiny text run, made of real parts: 200 short sentences, a word codec, 8 units, single-threaded for exact repetition."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from seqvae import recipe as recipes
from seqvae.recipe import Recipe

TINY = {
    "modality": "text",
    "tokenizer": {"kind": "word", "vocab_size": 50},
    "model": {
        "encoder": {"kind": "rnn", "embedding": 8, "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": "standard_normal",
        "decoder": {"kind": "rnn", "embedding": 8, "hidden": 8, "dropout": 0.3, "word_dropout": 0.1},
        "likelihood": {"kind": "categorical", "tied": True},
    },
    "objective": {"preset": "elbo", "beta": {"kind": "linear", "steps": 10}},
    "training": {"steps": 12, "batch_tokens": 128, "precision": "fp32", "threads": 1, "log_every": 2, "validate_every": 5},
}


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 200 sentences out of 30 words, and a cache of the test's own."""
    monkeypatch.setenv("SEQVAE_CACHE", str(tmp_path / "cache"))
    chance = random.Random(0)
    words = [f"w{i}" for i in range(30)]
    path = tmp_path / "corpus.txt"
    lines = [" ".join(chance.choices(words, k=chance.randint(2, 9))) for _ in range(200)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def tiny(corpus: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """A checked recipe with overrides; `out` is `tmp_path / out`."""

    def make(*overrides: str, out: str = "run") -> Recipe:
        config = {**TINY, "data": {"source": str(corpus)}, "out": str(tmp_path / out)}
        return recipes.check(recipes.override(config, overrides))

    return make
