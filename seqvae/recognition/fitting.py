"""Fitting a classifier: mini-batches of like length, AdamW, cross entropy with smoothed labels.

loss(x, c) = -(1 - s) log p(c|x) - s/C sum_k log p(k|x)             (Szegedy et al. 2016, arXiv 1512.00567)
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.data.batches import bucket_batches
from seqvae.data.codec import Codec
from seqvae.data.store import SequenceStore
from seqvae.errors import ConfigError, DataError
from seqvae.inference import seeded
from seqvae.recognition.network import SequenceClassifier
from seqvae.recognition.settings import ClassifierSettings

log = logging.getLogger("seqvae")
WARMUP = 0.05  # of all steps
CLIP = 1.0  # of the gradient's norm: recurrent encoders have steep places


def fit_network(
    store: SequenceStore, codec: Codec, classes: int, settings: ClassifierSettings, seed: int = 0
) -> SequenceClassifier:
    """A network fitted to a store's labelled records, in evaluation mode.

    Args:
        store: the training records, labels `[N]` below C, -1 where missing.
        codec: what encoded them.
        classes: how many there are, C.
        settings: of the network and of the fitting.
        seed: of initial weights, order, dropout and augmentation; torch's global generator is not touched.

    Raises:
        DataError: fewer than two classes occur.
        ConfigError: an encoder without room for the longest record.
    """
    labels = np.full(len(store), -1) if store.labels is None else np.array(store.labels)
    rows = np.flatnonzero(labels >= 0)
    occurring = len(np.unique(labels[rows]))
    if occurring < 2:
        raise DataError(
            f"the training records have {occurring} classes in {len(rows):,} labels, and a classifier tells at least two apart"
        )
    with seeded(seed):
        network = SequenceClassifier(codec, settings, classes)
        _check_length(network, store)
        augment = registry.build("augmentation", settings.augmentation, codec.spec) if settings.augmentation else _unchanged
        _fit(network, store, rows, augment, settings, seed)
    return network.eval()


def _fit(
    network: SequenceClassifier,
    store: SequenceStore,
    rows: np.ndarray,
    augment: Callable[[SequenceBatch], SequenceBatch],
    settings: ClassifierSettings,
    seed: int,
) -> None:
    """All epochs over `rows` of the store, which have labels."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True)
    network.train()
    for epoch in range(settings.epochs):
        batches = bucket_batches(store.lengths[rows], settings.batch_tokens, seed=seed, epoch=epoch)
        total, right = 0.0, 0
        for number, part in enumerate(batches):
            optimizer.param_groups[0]["lr"] = settings.lr * _pace((epoch + number / len(batches)) / settings.epochs)
            batch = store.batch(rows[part])
            assert batch.labels is not None, "rows with labels were chosen"
            logits = network(augment(batch))
            loss = nn.functional.cross_entropy(logits, batch.labels, label_smoothing=settings.smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            total, right = total + float(loss.detach()) * len(part), right + int((logits.argmax(dim=1) == batch.labels).sum())
        log.info("epoch %d of %d: loss %.3f, %.1f %% right", epoch + 1, settings.epochs, total / len(rows), 100 * right / len(rows))


def _pace(time: float) -> float:
    """The share of the highest learning rate at `time`, 0 to 1, of the fitting: up along a line, down along a cosine."""
    return time / WARMUP if time < WARMUP else 0.5 * (1 + math.cos(math.pi * (time - WARMUP) / (1 - WARMUP)))


def _unchanged(batch: SequenceBatch) -> SequenceBatch:
    return batch


def _check_length(network: SequenceClassifier, store: SequenceStore) -> None:
    limit = getattr(network.encoder, "max_steps", None)
    longest = (store.source or store).longest
    if limit is not None and longest > limit:
        raise ConfigError(f"the longest record has {longest} steps, and the encoder has positions for {limit}; take encoder=rnn")
