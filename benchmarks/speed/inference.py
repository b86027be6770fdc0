"""Using a model: the importance-weighted NLL with 500 samples, and sentences drawn from the prior.

Published scripts take one sentence at a time; ours takes many. Both sides hold the same weights, and must find the same NLL. On a
CPU the products with the vocabulary are nearly all of the NLL's work on either side, and one sentence's 100 samples already fill
them: what is left to gain is one encoder pass, fewer passes over the logits, and bf16, about twice as fast as fp32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.speed.corpus import Corpus
from benchmarks.speed.textbook import TextbookVae
from benchmarks.speed.timing import Ratio, in_turn
from seqvae.data.batches import evaluation_batches
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.evaluation.likelihood import TOGETHER, ImportanceEstimate
from seqvae.generation.loop import generate
from seqvae.generation.rules import SamplingRule
from seqvae.importance import importance_log_weights, iwae, iwae_variance
from seqvae.inference import evaluating
from seqvae.model import SequenceModel
from seqvae.training.precision import resolve_precision

LONGEST = 80


def nll(
    corpus: Corpus, baseline: TextbookVae, model: SequenceModel, turns: int, batches: int, samples: int
) -> tuple[list[Ratio], dict[str, Any]]:
    """Sentences per second of both, ours in fp32 and in the precision that the hardware has; and whether the numbers agree.

    Args:
        batches: how many of the held-out sentences' evaluation batches, evenly spread over the lengths, are measured.
        samples: importance samples.
    """
    chosen = _spread(corpus, batches)
    sentences = sum(map(len, chosen))
    found: dict[str, ImportanceEstimate] = {}

    def theirs() -> float:
        weights = [baseline.log_weights(corpus.valid.batch([row]).inputs, samples)[:, None] for rows in chosen for row in rows]
        found["textbook"] = _estimate(weights)
        return sentences

    def ours(precision: Precision) -> Callable[[], float]:
        def turn() -> float:
            with measuring(model, 0, precision):
                weights = [importance_log_weights(model, corpus.valid.batch(rows), samples) for rows in chosen]
            found[precision] = _estimate(weights)
            return sentences

        return turn

    baseline.eval()
    torch.manual_seed(0)
    ratios = []
    for precision in dict.fromkeys(["fp32", resolve_precision("auto", torch.device("cpu"))]):
        timed = in_turn(theirs, ours(precision), turns)
        note = f"{sentences} sentences, {precision} against fp32"
        ratios.append(
            Ratio(f"NLL with {samples} samples, {precision}", "sentences", *timed, 5.0 if precision == "bf16" else None, note)
        )
    return ratios, {name: _agreement(estimate, found["textbook"]) for name, estimate in found.items()}


def _spread(corpus: Corpus, batches: int) -> list[np.ndarray]:
    """Some of the batches that an evaluation makes of all held-out sentences."""
    lengths = corpus.valid.lengths
    everything = evaluation_batches(lengths, TOGETHER * int(lengths.max()), TOGETHER)
    return [everything[int((i + 0.5) * len(everything) / batches)] for i in range(batches)]


def _estimate(log_weights: list[torch.Tensor]) -> ImportanceEstimate:
    """Out of the log weights `[S,B]` of each batch."""
    return ImportanceEstimate(torch.cat([-iwae(w) for w in log_weights]), torch.cat([iwae_variance(w) for w in log_weights]))


def _agreement(estimate: ImportanceEstimate, baseline: ImportanceEstimate) -> dict[str, float]:
    """The mean NLL, its standard error over draws, and how many standard errors it lies from the baseline's."""
    error = math.hypot(estimate.stderr, baseline.stderr)
    apart = abs(estimate.mean - baseline.mean) / error
    return {"nll_nats": estimate.mean, "stderr_nats": estimate.stderr, "standard_errors_apart": apart}


def sampling(baseline: TextbookVae, model: SequenceModel, turns: int, sentences: int) -> Ratio:
    """Words per second of both, drawing sentences at temperature 1."""
    baseline.eval()
    torch.manual_seed(0)

    def theirs() -> float:
        return float(sum(len(baseline.sample(LONGEST)) for _ in range(sentences)))

    def ours() -> float:
        with evaluating(model):
            z = model.prior().sample(torch.Size([sentences]))
        return float(sum(map(len, generate(model, z, SamplingRule(), LONGEST))))

    return Ratio(f"sampling {sentences} sentences", "words", *in_turn(theirs, ours, turns), 8.0, "fp32 on both sides")
