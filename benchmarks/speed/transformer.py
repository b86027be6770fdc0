"""Transformers: what the latent costs, training against a padded loop, generation with and without a cache.

| measured | ours | against |
|---|---|---|
| the latent | the text-transformer model | its own networks without posterior, prior and injection, the same batches |
| training | text-transformer, and BERT + GPT-2 as parts | BERT + GPT-2 in a plain padded float32 loop, the same sentences |
| generation | cached, through the decode loop | the whole prefix again for each token: all its logits, or the last alone |
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn

from benchmarks.speed.corpus import Corpus, corpus
from benchmarks.speed.padded_transformer import PaddedTransformerVae, padded
from benchmarks.speed.text import ratio_table
from benchmarks.speed.timing import Ratio, in_turn
from benchmarks.speed.training import LEARNING_RATE, OurTraining, endless
from seqvae import __version__
from seqvae.batch import SequenceBatch
from seqvae.data.batches import bucket_batches
from seqvae.generation.loop import generate
from seqvae.generation.rules import SamplingRule
from seqvae.inference import evaluating
from seqvae.model import SequenceModel, build_model
from seqvae.networks.attention import causal_mask
from seqvae.objectives.loss import Loss
from seqvae.training.precision import resolve_precision


@dataclass(frozen=True)
class Effort:
    """How much is measured: sizes of the networks, batches a turn, turns, rows and tokens of generation."""

    width: int
    layers: int
    heads: int
    batch_words: int
    batch_sentences: int
    batches: int
    turns: int
    rows: tuple[int, ...]
    tokens: int


FULL = Effort(256, 4, 4, 2048, 96, 2, 3, (16, 64), 64)
QUICK = Effort(16, 1, 2, 256, 12, 2, 2, (4,), 8)


def measure(quick: bool) -> dict[str, Any]:
    """The whole benchmark; `quick` only shows that it runs."""
    effort = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        sentences = corpus(Path(folder))
        ratios = [
            latent_cost(sentences, effort),
            *(training(sentences, effort, name, parts) for name, parts in (("transformer", own), ("bert + gpt", borrowed))),
            *(ratio for rows in effort.rows for ratio in generation(sentences, effort, rows)),
        ]
    return {
        "benchmark": "speed transformer" + (" --quick" if quick else ""),
        "corpus": sentences.name,
        "threads": torch.get_num_threads(),
        "hardware": torch.backends.cpu.get_cpu_capability(),
        "precision": resolve_precision("auto", torch.device("cpu")),
        "versions": {"seqvae": __version__, "torch": torch.__version__},
        "ratios": [ratio.to_json() for ratio in ratios],
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The result as a table."""
    console.print(ratio_table(result))


def own(effort: Effort) -> dict[str, Any]:
    """Encoder and decoder of the text-transformer recipe."""
    sizes = {"hidden": effort.width, "layers": effort.layers, "heads": effort.heads}
    return {"encoder": {"kind": "transformer", **sizes, "pooling": "mean"}, "decoder": {"kind": "transformer", **sizes}}


def borrowed(effort: Effort) -> dict[str, Any]:
    """The baseline's networks as parts."""
    sizes = {"hidden": effort.width, "layers": effort.layers, "heads": effort.heads}
    return {"encoder": {"kind": "bert", **sizes, "pooling": "cls"}, "decoder": {"kind": "gpt", **sizes}}


def build(sentences: Corpus, parts: dict[str, Any]) -> SequenceModel:
    """A model of these parts with a latent of 32 and a tied output."""
    rest = {"posterior": {"kind": "diagonal", "latent": 32}, "prior": {"kind": "standard_normal"}}
    return build_model(sentences.spec, {**parts, **rest, "likelihood": {"kind": "categorical", "tied": True}})


class WithoutLatent(nn.Module):
    """The loss of the same encoder and decoder that know nothing of each other."""

    def settled(self, step: int) -> bool:
        """Nothing changes with the step."""
        return True

    def forward(self, model: SequenceModel, batch: SequenceBatch, step: int, across: Any) -> Loss:
        """Cross-entropy of the plain language model; the encoder's features are pulled to zero, so that it learns too."""
        decoder: Any = model.decoder
        embedded = decoder.enter(decoder.embedding(decoder.steps.shift_right(batch.inputs)))
        features, _ = decoder.blocks(embedded, None, causal_mask(embedded.shape[1], 0, embedded.device))
        log_px: Tensor = model.likelihood.log_prob(features.unsqueeze(0), batch)[0]  # type: ignore[operator]
        return Loss(model.encoder(batch).square().mean(-1) - log_px, {}, {})


def latent_cost(sentences: Corpus, effort: Effort) -> Ratio:
    """Words per second with the latent over words per second without, the same batches in turn, one a turn."""
    torch.manual_seed(0)
    with_latent = OurTraining(build(sentences, own(effort)), LEARNING_RATE)
    without = OurTraining(build(sentences, own(effort)), LEARNING_RATE, WithoutLatent())
    order = bucket_batches(sentences.train.lengths, effort.batch_words, seed=0, epoch=0)
    batches = {training: iter(order) for training in (with_latent, without)}

    def turn(training: OurTraining) -> Callable[[], float]:
        def step() -> float:
            rows = next(batches[training])
            training.run(sentences.train, [rows])
            return float(sentences.train.lengths[rows].sum())

        return step

    timed = in_turn(turn(without), turn(with_latent), 4 * effort.turns)
    return Ratio("training with the latent, against without", "words", *timed, 0.95, "the same precision, blocks and batches")


def training(sentences: Corpus, effort: Effort, name: str, parts: Callable[[Effort], dict[str, Any]]) -> Ratio:
    """Words per second of our engine over those of the padded loop, on the same sentences."""
    torch.manual_seed(0)
    baseline = PaddedTransformerVae(sentences.spec, effort.width, effort.layers, effort.heads).train()
    optimizer = torch.optim.AdamW(baseline.parameters(), lr=LEARNING_RATE)
    ours = OurTraining(build(sentences, parts(effort)), LEARNING_RATE)
    store, random = sentences.train, np.random.default_rng(0)
    buckets = endless(lambda epoch: bucket_batches(store.lengths, effort.batch_words, seed=0, epoch=epoch))
    count = effort.batch_sentences * effort.batches

    def theirs() -> float:
        words = 0
        for rows in random.choice(len(store), count, replace=False).reshape(effort.batches, -1):
            batch = [torch.from_numpy(store[row].astype(np.int64)) for row in rows]
            optimizer.zero_grad()
            baseline(padded(batch, sentences.spec.pad)).backward()
            nn.utils.clip_grad_norm_(baseline.parameters(), 5.0)
            optimizer.step()
            words += sum(map(len, batch))
        return float(words)

    def turn() -> float:
        chosen: list[np.ndarray] = []
        while sum(map(len, chosen)) < count:
            chosen.append(next(buckets))
        ours.run(store, chosen)
        return float(sum(store.lengths[rows].sum() for rows in chosen))

    note = f"{ours.engine.precision}, bucketed, fused AdamW, against float32, padded"
    return Ratio(f"training, {name}", "words", *in_turn(theirs, turn, effort.turns), 1.5, note)


def generation(sentences: Corpus, effort: Effort, rows: int) -> list[Ratio]:
    """Tokens per second of new sentences, none ending before its time, with the cache and without."""
    torch.manual_seed(0)
    model: Any = build(sentences, own(effort))
    with torch.no_grad():
        model.likelihood.bias[sentences.spec.eos] = -1e9  # every row goes the whole way on both sides
    z = torch.randn(rows, 32)

    def uncached(whole: bool) -> Callable[[], float]:
        def turn() -> float:
            steps = torch.full((rows, 1), sentences.spec.unk)  # decoding shifts right: the last place asks for the next
            with evaluating(model):
                for t in range(effort.tokens):
                    features = model.decoder(z[None], SequenceBatch(steps, torch.full((rows,), t + 1)))[0]
                    logits = model.likelihood.logits(features if whole else features[:, -1:])[:, -1]
                    steps[:, -1] = SamplingRule().choose(logits, None)
                    steps = torch.cat([steps, steps[:, -1:]], dim=1)
            return float(rows * effort.tokens)

        return turn

    def cached() -> float:
        return float(sum(map(len, generate(model, z, SamplingRule(), effort.tokens))))

    name = f"generating {effort.tokens} tokens, {rows} rows, cached against"
    return [
        Ratio(f"{name} all logits each step", "tokens", *in_turn(uncached(True), cached, effort.turns), 8.0, "float32"),
        Ratio(f"{name} last logits each step", "tokens", *in_turn(uncached(False), cached, effort.turns), None, "float32"),
    ]
