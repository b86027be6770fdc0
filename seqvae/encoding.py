"""Records to tensors to posteriors: batches of like length on the way in, the records' own order on the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from seqvae.batch import SequenceBatch, pad
from seqvae.data.batches import evaluation_batches
from seqvae.data.codec import Codec, source_sequences, source_spec
from seqvae.data.store import SequenceStore
from seqvae.errors import DataError
from seqvae.inference import device_of, evaluating
from seqvae.model import SequenceModel
from seqvae.steps import StepSpec

BATCH_STEPS, BATCH_RECORDS = 16_384, 512  # of one pass of the encoder: enough to keep every core busy, memory in tens of MB


def posterior(model: SequenceModel, codec: Codec, records: Sequence[Any], labels: Tensor | None = None) -> Distribution:
    """q(z|x) of records, batch `[N]`, without gradients, on the model's device; of their class `labels [N]` if any."""
    return _in_order(model, record_batches(codec, records, device_of(model), labels))


def posterior_of_written(
    model: SequenceModel, codec: Codec, sequences: Sequence[np.ndarray], labels: Tensor | None = None
) -> Distribution:
    """q(z|x) of sequences as a model has written them, batch `[N]`: whole or cut off, a record or not. Else as `posterior`.

    An encoder with steps of its own reads the records that they decode to; of one that it cannot read, the end alone.

    Args:
        model, codec: of one model, most likely the one that wrote them.
        sequences: int32 `[T]` or float32 `[T,W]`, T at least 1.
        labels: `[N]` int64, what a class-conditional encoder is told of them.
    """
    read = _readable(codec, sequences)
    return _in_order(model, _batches(codec, sequences, read, device_of(model), labels))


def record_batches(
    codec: Codec, records: Sequence[Any], device: torch.device, labels: Tensor | None = None
) -> Iterator[tuple[np.ndarray, SequenceBatch]]:
    """The records, and their `labels [N]`, in batches of like length, the shortest first, each with its records' places `[B]`."""
    return _batches(codec, codec.encode(records), source_sequences(codec, records), device, labels)


def _in_order(model: SequenceModel, batches: Iterable[tuple[np.ndarray, SequenceBatch]]) -> Distribution:
    """One posterior of all batches' records, in the order of their places."""
    features, order = [], []
    with evaluating(model):
        for rows, batch in batches:
            features.append(model.infer(batch)[0])
            order.append(rows)
        place = torch.from_numpy(np.argsort(np.concatenate(order))).to(features[0].device)
        distribution: Distribution = model.posterior(torch.cat(features)[place])
    return distribution


def _batches(
    codec: Codec,
    sequences: Sequence[np.ndarray],
    read: Sequence[np.ndarray],
    device: torch.device,
    labels: Tensor | None = None,
) -> Iterator[tuple[np.ndarray, SequenceBatch]]:
    """Sequences, and what the encoder reads of each where that differs, in batches of like length."""
    spec = source_spec(codec)
    lengths = np.array([len(sequence) for sequence in sequences])
    for rows in evaluation_batches(lengths, BATCH_STEPS, BATCH_RECORDS):
        index = torch.from_numpy(rows)
        batch = as_batch([sequences[row] for row in rows], codec.spec)
        source = None if spec is None else as_batch([read[row] for row in rows], spec)
        yield rows, replace(batch, source=source, index=index, labels=None if labels is None else labels.cpu()[index]).to(device)


def _readable(codec: Codec, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What an encoder with steps of its own reads of each sequence; for other encoders nothing."""
    spec = source_spec(codec)
    if spec is None:
        return []
    read = []
    for record in codec.decode(sequences):
        try:
            read += source_sequences(codec, [record])
        except DataError:
            read.append(np.array([spec.eos]))
    return read


def as_batch(sequences: Sequence[np.ndarray], spec: StepSpec) -> SequenceBatch:
    """A codec's sequences, `[T]` or `[T,W]` each, as a model reads them: padded, int64 or float32; on the CPU."""
    kind = np.int64 if spec.discrete else np.float32
    return SequenceBatch(*pad([torch.from_numpy(s.astype(kind)) for s in sequences], spec.pad if spec.discrete else 0))


def posterior_means(model: SequenceModel, store: SequenceStore) -> Tensor:
    """Posterior means `[N,*event]` of all records of a store, in its order, without gradients, on the model's device."""
    return _of_posteriors(model, store, lambda posterior: posterior.mean)


def posterior_samples(model: SequenceModel, store: SequenceStore) -> Tensor:
    """One sample of each record's posterior, `[N,*event]`, as `posterior_means`; together they are the aggregated posterior."""
    return _of_posteriors(model, store, lambda posterior: posterior.sample())


def _of_posteriors(model: SequenceModel, store: SequenceStore, take: Callable[[Distribution], Tensor]) -> Tensor:
    taken, order = [], []
    with evaluating(model):
        for rows in evaluation_batches(store.lengths, BATCH_STEPS, BATCH_RECORDS):
            taken.append(take(model.infer(store.batch(rows).to(device_of(model)))[1]))
            order.append(rows)
    place = torch.from_numpy(np.argsort(np.concatenate(order))).to(taken[0].device)
    return torch.cat(taken)[place]
