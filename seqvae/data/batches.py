"""Length-bucketed batches by token budget, as a pure function of (seed, epoch).

A random permutation is cut into pools, each pool sorted by length and cut greedily so that `records * longest <= batch_tokens`,
and the batches shuffled. Bucketing within pools of random members keeps the order random and the padding under 5 %.

**Over processes.** `batch_tokens` is the global budget: the batches are the same whatever the number of processes, and rank r
of w takes every w-th record of each of them. So every rank has the same number of batches, none is empty, no record is lost or
repeated, and with a loss normalised by the global count one process and w processes make the same step. The one exception is a
budget too small for w of the longest records: a batch then takes more than its budget rather than leave a rank without work.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Self, overload

import numpy as np

from seqvae.errors import ConfigError

POOL = 100  # batches a pool: large enough to sort finely, small enough that batches stay mixed


class Batches(Sequence[np.ndarray]):
    """Batches of row numbers: `batches[i]` is this rank's `[B]` int64 share of batch i; `batches[i:]` resumes at i.

    Args:
        lengths: `[N]` steps a record.
        order: `[N]` row numbers, batch after batch.
        bounds: `[len+1]` where each batch begins in `order`.
        rank, world: which process of how many.
    """

    def __init__(self, lengths: np.ndarray, order: np.ndarray, bounds: np.ndarray, rank: int = 0, world: int = 1) -> None:
        self.lengths, self.order, self.bounds, self.rank, self.world = lengths, order, bounds, rank, world

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> np.ndarray | Self:
        if isinstance(index, slice):
            return self._slice(index)
        index = range(len(self))[index]
        return self.order[self.bounds[index] : self.bounds[index + 1]][self.rank :: self.world].astype(np.int64)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def _slice(self, index: slice) -> Self:
        start, stop, step = index.indices(len(self))
        if step != 1:
            raise ValueError(f"batches slice in steps of 1, got {step}")
        return type(self)(self.lengths, self.order, self.bounds[start : max(stop, start) + 1], self.rank, self.world)


def bucket_batches(
    lengths: np.ndarray,
    batch_tokens: int,
    batch_size: int | None = None,
    *,
    seed: int,
    epoch: int,
    rank: int = 0,
    world: int = 1,
) -> Batches:
    """One epoch in a fresh order: every record once.

    Args:
        lengths: `[N]` steps a record.
        batch_tokens: global budget of padded steps a batch; a longer record forms a batch alone (with `world - 1` others
            where there are several processes, since each needs one).
        batch_size: most records a batch, or None.
        seed, epoch: non-negative; the order is a function of these alone.

    Raises:
        ConfigError: fewer records than processes, or a batch size below the number of processes.
    """
    _check(len(lengths), batch_size, world)
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, epoch])))
    order = random.permutation(len(lengths)).astype(np.int32 if len(lengths) < 2**31 else np.int64)
    pool = POOL * _typical_batch(lengths, batch_tokens, batch_size)
    cuts: list[int] = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part[:] = part[np.argsort(lengths[part], kind="stable")]
        cuts += [start + cut for cut in _cut(lengths[part], batch_tokens, batch_size)]
    return _shuffled(lengths, order, np.array([*_at_least(cuts, len(order), world), len(order)]), random, rank, world)


def evaluation_batches(
    lengths: np.ndarray, batch_tokens: int, batch_size: int | None = None, *, rank: int = 0, world: int = 1
) -> Batches:
    """Every record once, the shortest first, nothing shuffled. Arguments and errors as `bucket_batches`."""
    _check(len(lengths), batch_size, world)
    order = np.argsort(lengths, kind="stable")
    cuts = _cut(lengths[order], batch_tokens, batch_size)
    return Batches(lengths, order, np.array([*_at_least(cuts, len(order), world), len(order)]), rank, world)


def _typical_batch(lengths: np.ndarray, batch_tokens: int, batch_size: int | None) -> int:
    records = max(1, int(batch_tokens / max(1.0, float(lengths.mean()))))
    return records if batch_size is None else min(records, batch_size)


def _cut(lengths: np.ndarray, batch_tokens: int, batch_size: int | None) -> list[int]:
    """Where batches begin in ascending `lengths`: each as long as its budget allows, and at least one record."""
    cuts, start, count = [], 0, len(lengths)
    most = batch_size or count
    while start < count:
        cuts.append(start)
        stop = min(start + most, count)
        # records * longest grows with the end of the batch, so the last end within the budget is found by bisection
        over = bisect_left(range(start + 1, stop + 1), True, key=lambda end: (end - start) * int(lengths[end - 1]) > batch_tokens)
        start += max(1, over)
    if len(cuts) > 1:  # what is left over at the end would make a tiny batch, too small to share among processes
        share = min((count - cuts[-2]) // 2, batch_tokens // int(lengths[-1]))
        cuts[-1] = min(cuts[-1], count - share)
    return cuts


def _at_least(cuts: list[int], count: int, world: int) -> list[int]:
    """Drop cuts so that each batch holds `world` records or more."""
    if world == 1:
        return cuts
    kept = [0]
    for cut in cuts[1:]:
        if cut - kept[-1] >= world:
            kept.append(cut)
    if count - kept[-1] < world:
        kept.pop()
    return kept


def _shuffled(
    lengths: np.ndarray, order: np.ndarray, bounds: np.ndarray, random: np.random.Generator, rank: int, world: int
) -> Batches:
    """The same batches in random sequence."""
    sequence = random.permutation(len(bounds) - 1)
    sizes = np.diff(bounds)[sequence]
    ends = np.cumsum(sizes)
    moved = np.repeat(bounds[:-1][sequence] - (ends - sizes), sizes) + np.arange(len(order))  # where each position comes from
    return Batches(lengths, order[moved], np.concatenate([[0], ends]), rank, world)


def _check(count: int, batch_size: int | None, world: int) -> None:
    if count < world:
        raise ConfigError(f"{count} records cannot be shared among {world} processes; start at most {count}")
    if batch_size is not None and batch_size < world:
        raise ConfigError(f"a batch of {batch_size} cannot be shared among {world} processes; give batch_size={world} or more")
