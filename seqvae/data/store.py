"""The ragged store: all sequences of one split, end to end in one memory-mapped file.

    values.npy   [sum of lengths] int32 token ids, or [sum of lengths, W] float32 steps
    offsets.npy  [N+1] int64; sequence i is values[offsets[i]:offsets[i+1]]
    units.npy    [N] int32, words (points, atoms) a record
    lines.npy    [N] int64, the line each record came from
    labels.npy   [N] int64, -1 where missing, if the records have labels
    properties.npy [N,P] float32, where they have properties
    source/      a store of what the encoder reads, where that is not what the decoder writes
    meta.json    the steps' specification, the counts, the properties' names

Training touches only the pages it reads, so resident memory does not grow with the data set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.errors import DataError
from seqvae.steps import StepSpec

FORMAT = 2
SOURCE = "source"
RELABELLED = 1 << 20  # labels at a time


class SequenceStore:
    """A split on disk: `len`, `store[i]`, and padded batches.

    Args:
        folder: what a `StoreWriter` wrote.

    Raises:
        DataError: the folder is not a store, or is damaged.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        meta = self._read_meta()
        listed: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in meta["spec"].items()}
        self.spec = StepSpec(**listed)
        self.values = self._column("values")
        self.offsets = self._column("offsets")
        self.units = self._column("units")
        self.lines = self._column("lines")
        self.labels = self._column("labels") if meta["labels"] else None
        self.property_names: tuple[str, ...] = tuple(meta["properties"])
        self.properties = self._column("properties") if self.property_names else None
        self.source = SequenceStore(self.folder / SOURCE) if meta.get("source") else None
        if len(self) != meta["count"] or len(self.values) != self.offsets[-1]:
            raise DataError(
                f"prepared data in {self.folder} is damaged: {len(self)} sequences where {meta['count']} were written; delete it"
            )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        """Sequence `row`: a view of `[T]` int32 or `[T,W]` float32; negative rows count from the end."""
        row = range(len(self))[row]
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @cached_property
    def lengths(self) -> np.ndarray:
        """`[N]` int32 steps a sequence, EOS counted."""
        return np.diff(self.offsets).astype(np.int32)

    @property
    def longest(self) -> int:
        """Steps of the longest sequence that encoder or decoder will see."""
        return max(int(store.lengths.max(initial=0)) for store in (self, self.source) if store is not None)

    @property
    def property_tensor(self) -> Tensor | None:
        """`[N,P]` float32 of every record, NaN where missing, or None."""
        return None if self.properties is None else torch.from_numpy(np.array(self.properties))

    @property
    def label_tensor(self) -> Tensor | None:
        """`[N]` int64 of every record, -1 where missing, or None."""
        return None if self.labels is None else torch.from_numpy(np.array(self.labels))

    def labels_of(self, rows: Sequence[int] | np.ndarray) -> Tensor | None:
        """`[B]` int64 of the records `rows [B]`, -1 where missing, or None."""
        return None if self.labels is None else torch.from_numpy(self.labels[np.asarray(rows, dtype=np.int64)])

    def batch(self, rows: Sequence[int] | np.ndarray) -> SequenceBatch:
        """The sequences `rows [B]` as one right-padded batch, `index` set to `rows`."""
        rows = np.asarray(rows, dtype=np.int64)
        starts = np.asarray(self.offsets[rows])
        lengths = np.asarray(self.offsets[rows + 1]) - starts
        return SequenceBatch(
            inputs=self._padded(starts, lengths),
            lengths=torch.from_numpy(lengths),
            labels=self.labels_of(rows),
            properties=None if self.properties is None else torch.from_numpy(self.properties[rows]),
            source=None if self.source is None else self.source.batch(rows),
            index=torch.from_numpy(rows),
        )

    def _padded(self, starts: np.ndarray, lengths: np.ndarray) -> Tensor:
        """`[B,T]` int64 filled with the pad id, or `[B,T,W]` float32 filled with 0."""
        steps = np.arange(lengths.max(initial=0))
        mask = steps < lengths[:, None]  # [B,T]
        flat = (starts[:, None] + steps)[mask]  # [sum of lengths]
        shape = (*mask.shape, *self.values.shape[1:])
        fill, dtype = (self.spec.pad, np.int64) if self.spec.discrete else (0, np.float32)
        inputs = np.full(shape, fill, dtype=dtype)
        inputs[mask] = self.values[flat]
        return torch.from_numpy(inputs)

    def _read_meta(self) -> dict[str, Any]:
        try:
            meta: dict[str, Any] = json.loads((self.folder / "meta.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{self.folder} holds no prepared data: {error}") from error
        if meta.get("format") != FORMAT:
            raise DataError(
                f"prepared data in {self.folder} has format {meta.get('format')}, this version reads {FORMAT}; delete it"
            )
        return meta

    def _column(self, name: str) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        try:
            column: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return column
        except (OSError, ValueError) as error:
            raise DataError(f"prepared data is damaged: {path}: {error}; delete {self.folder}") from error


def relabel(folder: Path, order: np.ndarray) -> None:
    """Replace the labels of a store that was just written: `order[label]` for label, and its last for a missing one."""
    if (folder / "labels.npy").is_file():
        labels = np.load(folder / "labels.npy", mmap_mode="r+", allow_pickle=False)
        for start in range(0, len(labels), RELABELLED):
            labels[start : start + RELABELLED] = order[labels[start : start + RELABELLED]]
        labels.flush()


class StoreWriter:
    """Writes a store chunk by chunk in constant memory. A context manager; at least one sequence must be added.

    Args:
        folder: created if need be.
        spec: what the steps are.
        labels: whether the records have labels.
        properties: the names of the numbers of each record, P.
        source: what the encoder's steps are, where they are not the decoder's.
    """

    def __init__(
        self,
        folder: Path,
        spec: StepSpec,
        *,
        labels: bool = False,
        properties: Sequence[str] = (),
        source: StepSpec | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.spec = folder, spec
        self._source = StoreWriter(folder / SOURCE, source) if source is not None else None
        self._total = 0
        self._values = _Column(
            folder / "values.npy", np.int32 if spec.discrete else np.float32, () if spec.discrete else (spec.size,)
        )
        self._offsets = _Column(folder / "offsets.npy", np.int64)
        self._units = _Column(folder / "units.npy", np.int32)
        self._lines = _Column(folder / "lines.npy", np.int64)
        self._labels = _Column(folder / "labels.npy", np.int64) if labels else None
        self._names = list(properties)
        self._properties = _Column(folder / "properties.npy", np.float32, (len(properties),)) if properties else None
        self._offsets.append(np.zeros(1, np.int64))

    @property
    def count(self) -> int:
        """Sequences written so far."""
        return self._units.rows

    def append(
        self,
        sequences: Sequence[np.ndarray],
        units: Iterable[int],
        lines: Iterable[int],
        labels: Iterable[int] = (),
        properties: Iterable[Sequence[float]] = (),
        source: Sequence[np.ndarray] = (),
    ) -> None:
        """Add a chunk: sequences `[T_i]` or `[T_i,W]`, and for each units, line, label, properties and what the encoder reads."""
        if not sequences:
            return
        units, lines = np.fromiter(units, np.int32), np.fromiter(lines, np.int64)
        if self._source is not None:
            self._source.append(source, units, lines)
        ends = self._total + np.cumsum([len(s) for s in sequences], dtype=np.int64)
        self._values.append(np.concatenate(sequences))
        self._offsets.append(ends)
        self._units.append(units)
        self._lines.append(lines)
        if self._labels is not None:
            self._labels.append(np.fromiter(labels, np.int64))
        if self._properties is not None:
            self._properties.append(np.asarray(list(properties), np.float32))
        self._total = int(ends[-1])

    def close(self) -> None:
        """Finish every file; `meta.json` comes last, so a folder that has one is whole."""
        for column in (self._values, self._offsets, self._units, self._lines, self._labels, self._properties):
            if column is not None:
                column.close()
        if self._source is not None:
            self._source.close()
        meta = {
            "format": FORMAT,
            "count": self.count,
            "steps": self._total,
            "spec": asdict(self.spec),
            "labels": self._labels is not None,
            "properties": self._names,
            "source": self._source is not None,
        }
        (self.folder / "meta.json").write_text(json.dumps(meta, indent=1), "utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Column:
    """An .npy file that grows: numpy pads its header so that the final row count can be written over the first guess."""

    def __init__(self, path: Path, dtype: type[np.generic], shape: tuple[int, ...] = ()) -> None:
        self.dtype, self.shape, self.rows = np.dtype(dtype), shape, 0
        self._stream: IO[bytes] = open(path, "wb")  # noqa: SIM115  # open for as long as the store is being written
        self._header()
        self._start = self._stream.tell()

    def append(self, rows: np.ndarray) -> None:
        """Add `[n, *shape]` rows."""
        self._stream.write(np.ascontiguousarray(rows, dtype=self.dtype).reshape(-1, *self.shape).data)
        self.rows += len(rows)

    def close(self) -> None:
        """Write the true row count into the header."""
        if self._stream.closed:
            return
        self._stream.seek(0)
        self._header()
        assert self._stream.tell() == self._start, "the header must keep its length"
        self._stream.close()

    def _header(self) -> None:
        header = {"descr": npy.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (self.rows, *self.shape)}
        npy.write_array_header_1_0(self._stream, header)
