"""Reconstruction: does the latent hold the record? The greedy decode of the posterior mean, held against the record.

The decoder runs free, on its own steps, so one early mistake costs everything after it; accuracy under teacher forcing would mostly
measure the language model.

References are `codec.decode(store[i])`, what the codec keeps of a record: a model is not blamed for a word outside the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from seqvae.data.store import SequenceStore
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE


def reconstructions(
    vae: SeqVAE, means: Tensor, labels: Tensor | None = None, *, at_once: int = 512, precision: Precision | None = None
) -> list[np.ndarray]:
    """The greedy decode of each posterior mean, as a sequence of the codec's steps.

    Args:
        vae: gives model, constraint and the longest sequence to generate.
        means: `[N,*event]`.
        labels: the records' classes `[N]`, for a model that is told them.
        at_once: sequences decoded together, a matter of memory and speed only.
        precision: see `measuring`.
    """
    with measuring(vae.model, 0, precision):
        z, constraint = vae.model.project(means), vae.constraint()
        return generate(vae.model, z, Greedy(), vae.max_length, constraint=constraint, rows=at_once, labels=labels)


def reconstruction_metrics(vae: SeqVAE, store: SequenceStore, rows: np.ndarray, decoded: Sequence[np.ndarray]) -> dict[str, float]:
    """The modality's own metrics of reconstruction, and for tokens `reconstruction_token_accuracy`.

    Args:
        vae: gives codec and modality.
        store: the records; `rows [N]` of them are judged.
        decoded: what their posterior means decode to.
    """
    targets = [np.asarray(store[row]) for row in rows]
    metrics = dict(vae.modality.reconstruction_metrics(vae.codec.decode(targets), vae.codec.decode(decoded)))
    if vae.codec.spec.discrete:
        metrics["reconstruction_token_accuracy"] = token_accuracy(targets, decoded)
    return metrics


def token_accuracy(targets: Sequence[np.ndarray], decoded: Sequence[np.ndarray]) -> float:
    """The share of target tokens, EOS counted, that a free-running decode has at the same position, 0 to 1.

    Tokens beyond the target's end are not counted for or against; to go on too long already misses the target's EOS.
    """
    hits = sum(int((t[: len(d)] == d[: len(t)]).sum()) for t, d in zip(targets, decoded, strict=True))
    return hits / sum(map(len, targets))
