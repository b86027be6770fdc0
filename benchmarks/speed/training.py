"""Training: real words per second, and whether both ways learn the same.

Ours goes through the pieces that the trainer uses: length-bucketed batches by word budget, the Accelerate engine in the precision
that the hardware has, the joint plan, fused AdamW, clipping. What is fast must learn as well: from equal weights, without dropout,
over equal epochs, held-out losses are compared like for like (as many updates as the textbook makes, its learning rate) and as the
recipes train (a third of the updates, three times the learning rate).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from benchmarks.speed import textbook
from benchmarks.speed.corpus import Corpus
from benchmarks.speed.textbook import TextbookVae
from benchmarks.speed.timing import Ratio, in_turn
from seqvae import registry
from seqvae.data.batches import bucket_batches
from seqvae.data.store import SequenceStore
from seqvae.evaluation.likelihood import posterior_pass
from seqvae.model import SequenceModel, build_model
from seqvae.training.engine import AccelerateEngine
from seqvae.training.precision import resolve_precision

BATCH_WORDS = 2048  # as the text recipes
LEARNING_RATE = 1e-3
RECIPE_RATE = 3e-3  # of text-lstm-ptb, for batches of 2048 words
CLIP = 5.0


@dataclass(frozen=True)
class Size:
    """Widths of embedding and hidden state, the same in encoder and decoder."""

    embedding: int
    hidden: int

    def __str__(self) -> str:
        return f"{self.embedding}/{self.hidden}"


def build_ours(corpus: Corpus, size: Size, dropout: float) -> SequenceModel:
    """The textbook's architecture out of registered parts."""
    widths = {"embedding": size.embedding, "hidden": size.hidden}
    config = {
        "encoder": {"kind": "rnn", **widths, "bidirectional": False, "pooling": "last"},
        "posterior": {"kind": "diagonal", "latent": 32},
        "prior": {"kind": "standard_normal"},
        "decoder": {"kind": "rnn", **widths, "dropout": dropout},
        "likelihood": {"kind": "categorical"},
    }
    return build_model(corpus.spec, config)


def build_textbook(corpus: Corpus, size: Size, dropout: float) -> TextbookVae:
    """The baseline of that size."""
    return TextbookVae(corpus.spec.size, size.embedding, size.hidden, dropout=dropout)


class OurTraining:
    """Our training step, as the trainer makes it; of the ELBO, unless another loss is given."""

    def __init__(self, model: SequenceModel, rate: float, objective: nn.Module | None = None) -> None:
        accelerator = Accelerator(cpu=True)
        objective = objective or registry.build("objective", {"preset": "elbo"})
        self.plan = registry.build("plan", {"kind": "joint"})
        make = registry.build("optimizer", {"kind": "adamw", "lr": rate})
        optimizers = {name: make(parameters) for name, parameters in self.plan.parameters(model, objective).items()}
        precision = resolve_precision("auto", accelerator.device)
        self.engine = AccelerateEngine(model, objective, optimizers, accelerator, precision, CLIP, None)

    def run(self, store: SequenceStore, batches: Iterator[np.ndarray] | list[np.ndarray]) -> None:
        """One step a batch of rows."""
        self.engine.model.train()
        for step, rows in enumerate(batches):
            self.plan.step(self.engine, [store.batch(rows)], step)


def endless(make: Callable[[int], Any]) -> Iterator[Any]:
    """The batches of epoch 0, 1, 2, ... one after the other."""
    return itertools.chain.from_iterable(make(epoch) for epoch in itertools.count())


def speed(corpus: Corpus, size: Size, turns: int, batches: int) -> list[Ratio]:
    """Words per second with dropout 0.5: at the recipes' batches of 2048 words, and like for like at 32 sentences."""
    return [
        _speed(corpus, size, turns, batches, "batches of 2048 words", batch_tokens=BATCH_WORDS, target=1.6),
        _speed(corpus, size, turns, batches, "batches of 32 sentences", batch_size=textbook.BATCH),
    ]


def _speed(
    corpus: Corpus,
    size: Size,
    turns: int,
    batches: int,
    name: str,
    batch_tokens: int = 10**9,
    batch_size: int | None = None,
    target: float | None = None,
) -> Ratio:
    torch.manual_seed(0)
    model, baseline = build_ours(corpus, size, 0.5), build_textbook(corpus, size, 0.5)
    training, optimizer = OurTraining(model, LEARNING_RATE), torch.optim.AdamW(baseline.parameters(), lr=LEARNING_RATE)
    store = corpus.train
    theirs = endless(lambda epoch: textbook.equal_length_batches(store, epoch))
    ours = endless(lambda epoch: bucket_batches(store.lengths, batch_tokens, batch_size, seed=0, epoch=epoch))
    sentences = textbook.BATCH * batches  # a turn of either is about as many sentences

    def textbook_turn() -> float:
        chosen = list(itertools.islice(theirs, batches))
        textbook.train(baseline, chosen, optimizer, CLIP)
        return float(sum(words.numel() for words in chosen))

    def our_turn() -> float:
        chosen: list[np.ndarray] = []
        while sum(map(len, chosen)) < sentences:
            chosen.append(next(ours))
        training.run(store, chosen)
        return float(sum(store.lengths[rows].sum() for rows in chosen))

    note = f"{training.engine.precision} against fp32; AdamW, clipping, dropout 0.5"
    return Ratio(f"training {size}, {name}", "words", *in_turn(textbook_turn, our_turn, turns), target, note)


@dataclass(frozen=True)
class Learning:
    """Held-out -ELBO after training, nats per sentence, by one and the same float32 evaluation.

    Attributes:
        size, sentences, epochs: what was trained on what.
        batches: how our batches are cut.
        updates: optimiser steps, the textbook's and ours.
        start: before training.
        textbook, ours: after it.
    """

    size: str
    sentences: int
    epochs: int
    batches: str
    updates: tuple[int, int]
    start: float
    textbook: float
    ours: float

    @property
    def difference(self) -> float:
        """Ours minus the textbook's, as a share of the textbook's; below zero, ours is better."""
        return self.ours / self.textbook - 1


def learning(corpus: Corpus, size: Size, epochs: int) -> tuple[list[Learning], TextbookVae, SequenceModel]:
    """Train both; returns also the textbook model and a model of ours **with the textbook's weights**."""
    torch.manual_seed(0)
    baseline, model = build_textbook(corpus, size, 0.0), build_ours(corpus, size, 0.0)
    textbook.tie(baseline, model, into="textbook")
    untrained = {name: value.clone() for name, value in model.state_dict().items()}
    start = minus_elbo(model, corpus)
    updates = len(textbook.equal_length_batches(corpus.train, 0))  # an epoch
    like = _train_ours(model, corpus, epochs, LEARNING_RATE, 10**9, batch_size=round(len(corpus.train) / updates))
    model.load_state_dict(untrained)
    recipe = _train_ours(model, corpus, epochs, RECIPE_RATE, BATCH_WORDS)
    optimizer = torch.optim.AdamW(baseline.parameters(), lr=LEARNING_RATE)
    for epoch in range(epochs):
        textbook.train(baseline, textbook.equal_length_batches(corpus.train, epoch), optimizer, CLIP)
    textbook.tie(baseline, model, into="ours")
    reached = minus_elbo(model, corpus)
    results = [
        Learning(str(size), len(corpus.train), epochs, batches, (epochs * updates, ours), start, reached, loss)
        for batches, (ours, loss) in {"like for like": like, "as the recipes": recipe}.items()
    ]
    return results, baseline, model


def _train_ours(
    model: SequenceModel, corpus: Corpus, epochs: int, rate: float, batch_tokens: int, batch_size: int | None = None
) -> tuple[int, float]:
    """Our updates, and the held-out loss after them."""
    training, updates = OurTraining(model, rate), 0
    for epoch in range(epochs):
        order = bucket_batches(corpus.train.lengths, batch_tokens, batch_size, seed=0, epoch=epoch)
        training.run(corpus.train, list(order))
        updates += len(order)
    return updates, minus_elbo(model, corpus)


def minus_elbo(model: SequenceModel, corpus: Corpus) -> float:
    """Nats per held-out sentence, in float32."""
    return -posterior_pass(model, corpus.valid, limit=1000, precision="fp32").summary["elbo_nats"]
