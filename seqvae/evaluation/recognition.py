"""Recognisability: does what a model writes look like what it should be, to a classifier that has learnt from real records?

    recognised_real            the share of real records whose class the classifier tells: its own accuracy, which bounds the rest
    recognised_reconstructed   the share of reconstructions that it takes for the class of their source
    same_class                 the share that it takes for what it takes the source for; needs no labels
    confidence                 mean of max_c p(c|x), on real records, reconstructions and samples of the prior

Published as Rec, with a network of pictures (sketch-pix2seq's followers); here the classifier reads the model's own kind of
sequences. Real records must be ones that the classifier has not learnt from. Confidence alone proves little: a classifier is sure
of many things that are no letters; it tells a model that scribbles from one that draws, not good letters from better ones.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from seqvae.data.codec import Codec
from seqvae.data.store import SequenceStore
from seqvae.evaluation.conditions import Precision
from seqvae.evaluation.likelihood import posterior_pass
from seqvae.evaluation.reconstruction import reconstructions
from seqvae.recognition.classifier import Classifier

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
        classifier: of the same modality.
        store: real records, encoded by the model's codec.
        split: the name to report.
        limit: only the first so many records.
        samples: drawn from the prior.
        temperature: of the samples.
        seed: of the samples.
        precision: see `measuring`.

    Raises:
        DataError: the store has no records.
    """
    measured = posterior_pass(vae.model, store, limit=limit, seed=seed, precision=precision)
    real = vae.codec.decode([np.asarray(store[row]) for row in measured.rows])
    again = vae.codec.decode(reconstructions(vae, measured.means, precision=precision))
    seen = {name: classifier.probabilities(records) for name, records in (("real", real), ("reconstructed", again))}
    labels = None if store.label_tensor is None else store.label_tensor[measured.rows]
    metrics: Metrics = {"modality": vae.modality.name, "split": split, "count": len(real), "classes": len(classifier.classes)}
    metrics |= _recognised(classifier, seen, labels)
    metrics["same_class"] = _share(classifier.labels_of(seen["reconstructed"]) == classifier.labels_of(seen["real"]))
    seen["sampled"] = classifier.probabilities(vae.sample(samples, temperature=temperature, seed=seed))
    metrics |= {f"confidence_{name}": float(found.max(dim=1).values.double().mean()) for name, found in seen.items()}
    return metrics | {"sampled": samples, "sampled_classes": histogram(classifier.labels_of(seen["sampled"]))}


def accuracy(classifier: Classifier, store: SequenceStore, codec: Codec) -> Metrics:
    """`count`, the labelled records of a store; `accuracy`, the share whose label the classifier tells; `commonest`, the share that
    the commonest label has, which anybody tells. Nothing but the count where there are no labels."""
    labels = store.label_tensor
    rows = [] if labels is None else (labels >= 0).nonzero().flatten().tolist()
    if labels is None or not rows:
        return {"count": 0}
    told = classifier.predict(codec.decode([np.asarray(store[row]) for row in rows]))
    wanted = labels[rows]
    return {"count": len(rows), "accuracy": _share(told == wanted), "commonest": float(wanted.bincount().max()) / len(rows)}


def histogram(labels: Tensor) -> dict[str, float]:
    """The share of each label that occurs, the most frequent first; `none` is what is no record at all."""
    counts = Counter(labels.tolist())
    return {"none" if label < 0 else str(label): count / len(labels) for label, count in counts.most_common()}


def _recognised(classifier: Classifier, seen: dict[str, Tensor], labels: Tensor | None) -> Metrics:
    """The shares taken for their label, of the records that have one."""
    if labels is None or not bool((labels >= 0).any()):
        log.warning("the records have no labels: whether their class is recognised cannot be told, only whether it stays the same")
        return {}
    known = labels >= 0
    found = {f"recognised_{name}": _share((classifier.labels_of(rows) == labels)[known]) for name, rows in seen.items()}
    return {"labelled": int(known.sum()), **found}


def _share(hits: Tensor) -> float:
    return float(hits.double().mean())
