"""The sentences that are timed: Penn Treebank where `SEQVAE_DATA` has it, else random ones of its lengths and word frequencies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqvae import registry
from seqvae.data.prepare import prepare
from seqvae.data.settings import DataSettings
from seqvae.data.store import SequenceStore, StoreWriter
from seqvae.steps import StepSpec

VOCABULARY = 10_000
LENGTH_SHAPE, LENGTH_SCALE, LONGEST = 4.3, 4.9, 82  # a gamma distribution near PTB's: 21.1 words on average, 82 at most


@dataclass(frozen=True)
class Corpus:
    """Training and held-out sentences, encoded, with a vocabulary of about 10,000."""

    name: str
    train: SequenceStore
    valid: SequenceStore

    @property
    def spec(self) -> StepSpec:
        """What a step is."""
        return self.train.spec


def has_ptb() -> bool:
    """Whether the real thing is at hand."""
    root = os.environ.get("SEQVAE_DATA")
    return root is not None and (Path(root) / "text" / "ptb").is_dir()


def corpus(folder: Path, records: int | None = None) -> Corpus:
    """PTB, or random sentences written under `folder`; with `records`, only about so many for training."""
    if has_ptb():
        settings = DataSettings(source="ptb", limit=records)
        tokenizer = {"kind": "word", "vocab_size": VOCABULARY}
        splits = prepare(settings, registry.build("modality", {"kind": "text"}), tokenizer, 0).splits
        return Corpus("ptb", splits["train"], splits["valid"])
    return Corpus("random", random_store(folder / "train", records or 42_000, seed=0), random_store(folder / "valid", 3370, seed=1))


def sentence_lengths(random: np.random.Generator, count: int) -> np.ndarray:
    """Words of `count` sentences, `[N]`, distributed nearly as Penn Treebank's."""
    return np.clip(random.gamma(LENGTH_SHAPE, LENGTH_SCALE, count).astype(int), 1, LONGEST)


def random_store(folder: Path, records: int, seed: int) -> SequenceStore:
    """`records` sentences of Zipf-distributed words."""
    spec = StepSpec(size=VOCABULARY)
    random = np.random.default_rng(seed)
    lengths = sentence_lengths(random, records)
    frequency = 1 / np.arange(1, spec.size - 3)
    words = random.choice(np.arange(4, spec.size), size=int(lengths.sum()), p=frequency / frequency.sum())
    sentences = [np.append(part, spec.eos) for part in np.split(words, np.cumsum(lengths)[:-1])]
    with StoreWriter(folder, spec) as writer:
        writer.append(sentences, units=lengths.tolist(), lines=range(1, records + 1))
    return SequenceStore(folder)


def lines(count: int) -> list[str]:
    """`count` different raw sentences, for `prepare`."""
    if has_ptb():
        text = (Path(os.environ["SEQVAE_DATA"]) / "text" / "ptb" / "train.txt").read_text("utf-8").split("\n")
        sentences = [line.strip() for line in text if line.strip()]
    else:
        random = np.random.default_rng(2)
        lengths = sentence_lengths(random, 5000)
        sentences = [" ".join(f"w{rank}" for rank in np.minimum(random.zipf(1.3, n), VOCABULARY)) for n in lengths]
    return [f"{sentences[i % len(sentences)]} {i // len(sentences)}" for i in range(count)]
