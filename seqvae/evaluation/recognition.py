"""Recognisability: does what a model writes look like what it should be, to a classifier that has learnt from real records?

    recognised_real            the share of real records whose class the classifier tells: its own accuracy, which bounds the rest
    recognised_reconstructed   the share of reconstructions that it takes for the class of their source
    recognised_sampled         the share of samples that it takes for the class asked for, of a model that is told classes
    same_class                 the share of reconstructions that it takes for what it takes their source for; needs no labels
    confidence                 mean of max_c p(c|x), on real records, reconstructions and samples

A model that is told classes is told that of the source when it reconstructs: the very label that `recognised_reconstructed` checks.
A decoder deaf to the latent can then score as it does on samples, so this number says how well it draws what it is told, and how
much of the source it keeps is what retrieval says. Only of an untold model does it say that the latent holds the class.

The literature of sketches calls it Rec, with a separate network of pictures; here the classifier reads sequences, as the model
does. Real records must be ones that the classifier has not learnt from. Confidence alone proves little: a classifier is sure of
many things that are no letters; it tells a model that scribbles from one that draws, not good letters from better ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqvae.data.codec import Codec
from seqvae.data.store import SequenceStore
from seqvae.evaluation.conditions import Precision
from seqvae.evaluation.likelihood import posterior_pass
from seqvae.evaluation.reconstruction import reconstructions
from seqvae.recognition.classifier import UNKNOWN, Classifier, likeliest

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE

log = logging.getLogger("seqvae")
Metrics = dict[str, Any]


def recognition_metrics(
    vae: SeqVAE,
    classifier: Classifier,
    store: SequenceStore,
    *,
    split: str,
    limit: int = 2500,
    samples: int = 1000,
    temperature: float = 1.0,
    seed: int = 0,
    precision: Precision = "fp32",
) -> Metrics:
    """What a classifier makes of a model's reconstructions and samples, real records beside; without labels what needs none.

    Args:
        vae: the model.
        classifier: of the same modality and, where there are labels, of the same classes by number.
        store: real records, encoded by the model's codec.
        split: the name to report.
        limit: only the first so many records.
        samples: drawn from the prior; of a model that is told classes, of each class in turn.
        temperature: of the samples.
        seed: of the samples.
        precision: see `measuring`.

    Raises:
        DataError: the store has no records.
    """
    measured = posterior_pass(vae.model, store, limit=limit, seed=seed, precision=precision)
    labels = store.labels_of(measured.rows)
    written = reconstructions(vae, measured.means, labels, precision=precision)
    asked = torch.arange(samples) % len(vae.classes) if vae.classes else None
    records = {
        "real": vae.codec.decode([np.asarray(store[row]) for row in measured.rows]),
        "reconstructed": vae.codec.decode(written),
        "sampled": vae.sample(samples, temperature=temperature, seed=seed, labels=asked),
    }
    probabilities = {name: classifier.probabilities(shown) for name, shown in records.items()}
    told = {name: likeliest(found) for name, found in probabilities.items()}
    return {
        "modality": vae.modality.name,
        "split": split,
        "count": len(measured.rows),
        "sampled": samples,
        "known_classes": len(classifier.classes),
        **_recognised(told, {"real": labels, "reconstructed": labels, "sampled": asked}),
        "same_class": _share((told["reconstructed"] == told["real"]) & (told["real"] != UNKNOWN)),
        **{f"confidence_{name}": float(found.max(dim=1).values.double().mean()) for name, found in probabilities.items()},
        "sampled_classes": histogram(told["sampled"], classifier.classes),
    }


def accuracy(classifier: Classifier, store: SequenceStore, codec: Codec) -> Metrics:
    """How often a classifier is right of a store's records, which `codec` encoded.

    Returns:
        `count`, the records that have a label; if there are any `accuracy`, the share whose label the classifier tells, and
        `commonest`, the share that the commonest label has, which anybody tells.
    """
    labels = torch.empty(0) if store.label_tensor is None else store.label_tensor
    rows = (labels >= 0).nonzero().flatten()
    if not len(rows):
        return {"count": 0}
    told = classifier.predict(codec.decode([np.asarray(store[row]) for row in rows.tolist()]))
    wanted = labels[rows]
    return {"count": len(rows), "accuracy": _share(told == wanted), "commonest": float(wanted.bincount().max()) / len(rows)}


def histogram(told: Tensor, classes: Sequence[str]) -> dict[str, float]:
    """The share of each class that occurs among `told [N]`, by name, the most frequent first; "" is what is no record."""
    counts = Counter(told.tolist())
    return {"" if number == UNKNOWN else classes[number]: count / len(told) for number, count in counts.most_common()}


def _recognised(told: dict[str, Tensor], wanted: dict[str, Tensor | None]) -> Metrics:
    """The shares taken for what they should be, of records that should be something."""
    found: Metrics = {}
    for name, labels in wanted.items():
        if labels is not None and bool((labels >= 0).any()):
            known = labels >= 0
            found[f"recognised_{name}"] = _share(told[name][known] == labels[known])
    if "recognised_real" not in found:
        log.warning("the records have no labels: whether their class is recognised cannot be told, only whether it stays the same")
    return found


def _share(hits: Tensor) -> float:
    return float(hits.double().mean())
