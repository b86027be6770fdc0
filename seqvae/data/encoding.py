"""The work of `prepare`: read a source twice, fit the codec on its training records, encode all of it into stores.

No list of the records anywhere, so memory does not grow with the data set.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

import numpy as np

from seqvae.data.classes import ClassNumbers
from seqvae.data.codec import Codec, source_sequences, source_spec
from seqvae.data.computed import PropertyFunction, compute
from seqvae.data.duplicates import Duplicates
from seqvae.data.rejections import SHOWN, Rejections, check_rejections
from seqvae.data.rows import Rejected, Row
from seqvae.data.settings import DataSettings
from seqvae.data.sources import Part, Source
from seqvae.data.splits import Splitter, Thresholds, digest_of
from seqvae.data.store import StoreWriter, relabel
from seqvae.errors import DataError

LATER = {"train": ("valid", "test"), "valid": ("test",), "test": ()}  # whose records a split must not hold
CHUNK = 4096  # records encoded at a time: enough to keep a threaded tokenizer busy, few enough to stay small


class Encoding:
    """One run over a source into an empty folder.

    Args:
        source: what to read.
        settings: how long a record may be, how many are wanted, and what to do with bad ones.
        codec: not fitted yet.
        folder: where everything goes.
        computed: properties to compute from each record, beside those that it brings.
    """

    def __init__(
        self,
        source: Source,
        settings: DataSettings,
        codec: Codec,
        folder: Path,
        computed: Mapping[str, PropertyFunction] = MappingProxyType({}),
    ) -> None:
        self.source, self.settings, self.codec, self.folder = source, settings, codec, folder
        self.computed = computed
        self.total = 0
        self.first: list[Rejected] = []
        self.rejected = 0
        self.journal: TextIO | None = None
        self.left_out = self._records_of({split for part in source.parts for split in part.minus})
        self.thresholds = self._thresholds()
        self.duplicates = Duplicates()
        self.classes = ClassNumbers()
        self.held_out = self._held_out() if settings.duplicates == "remove" else {}

    def run(self, seed: int) -> None:
        """Fit on the training records, then encode everything; `prepared.json` comes last."""
        self.codec.fit(self._training_records(), seed)
        self._check()  # bad lines are known now; better than after encoding
        self.total, self.rejected, self.first = 0, 0, []
        with open(self.folder / "rejected.jsonl", "w", encoding="utf-8") as self.journal:
            counts = self._encode()
        self._check()
        if not counts["train"]:
            raise self._nothing_to_train_on()
        if self.classes.order is not None:
            for split in counts:
                relabel(self.folder / split, self.classes.order)
        (self.folder / "codec").mkdir()
        self.codec.save(self.folder / "codec")
        summary = {"total": self.total, "rejected": self.rejected, "splits": dict(counts)}
        summary |= {"source": self.source.name, "source_sha256": self.source.sha256, "duplicates": self.duplicates.counts()}
        summary |= {"classes": self.classes.names}
        (self.folder / "prepared.json").write_text(json.dumps(summary, indent=1), "utf-8")

    def _training_records(self) -> Iterator[Any]:
        records = (row.record for split, row, _ in self._rows() if split == "train")
        first = next(records, None)
        if first is None:
            raise self._nothing_to_train_on()
        return chain([first], records)

    def _encode(self) -> Counter[str]:
        """Write every split's store; returns the records of each."""
        with ExitStack() as stack:
            writers: dict[str, StoreWriter] = {}
            rows = self._rows()
            while chunk := list(islice(rows, CHUNK)):
                for split, _, digest in chunk:
                    self.duplicates.add(split, digest)
                for split in dict.fromkeys(split for split, _, _ in chunk):
                    if split not in writers:
                        writers[split] = stack.enter_context(self._writer(split, next(r for s, r, _ in chunk if s == split)))
                    self._write(writers[split], [row for s, row, _ in chunk if s == split])
        return Counter({split: writer.count for split, writer in writers.items() if writer.count})

    def _writer(self, split: str, row: Row) -> StoreWriter:
        names = (*self.source.property_names, *self.computed)
        spec, source = self.codec.spec, source_spec(self.codec)
        labels = row.label is not None or self.source.labelled
        return StoreWriter(self.folder / split, spec, labels=labels, properties=names, source=source)

    def _write(self, writer: StoreWriter, rows: list[Row]) -> None:
        """Encode a chunk and append what came out well."""
        kept: list[tuple[Row, np.ndarray]] = []
        labels: list[int] = []
        for row, sequence in zip(rows, encode_each(self.codec, rows, self._reject), strict=True):
            if sequence is None:
                continue
            if len(sequence) > self.settings.max_length:
                self._reject(row, f"{len(sequence)} steps, more than data.max_length={self.settings.max_length}")
                continue
            try:
                labels.append(self.classes.number(row.label))
            except DataError as error:
                self._reject(row, str(error))
                continue
            kept.append((row, sequence))
        records = [row.record for row, _ in kept]
        computed = compute(self.computed, records)
        writer.append(
            [sequence for _, sequence in kept],
            units=(self.codec.units(row.record) for row, _ in kept),
            lines=(row.line for row, _ in kept),
            labels=labels,
            properties=[(*row.properties, *numbers) for (row, _), numbers in zip(kept, computed, strict=True)],
            source=source_sequences(self.codec, records),
        )

    def _rows(self) -> Iterator[tuple[str, Row, int]]:
        """Every good row with its split and digest, in file order; bad ones are counted. Training rows beyond `limit`, and
        duplicates where they are unwanted, are left out."""
        training = 0
        seen: dict[str, set[int]] = defaultdict(set)
        for part in self.source.parts:
            for split, row, digest in self._rows_of(part):
                if self.settings.duplicates == "remove":
                    if digest in seen[split] or any(digest in self.held_out[later] for later in LATER[split]):
                        continue
                    seen[split].add(digest)
                if split == "train" and training == self.settings.limit:
                    if part.split == "train":
                        break
                    continue
                training += split == "train"
                yield split, row, digest

    def _held_out(self) -> dict[str, set[int]]:
        """The digests of the valid and test records, from one more pass."""
        found: dict[str, set[int]] = {"valid": set(), "test": set()}
        for part in self.source.parts:
            for split, _, digest in self._rows_of(part):
                if split in found:
                    found[split].add(digest)
        return found

    def _rows_of(self, part: Part) -> Iterator[tuple[str, Row, int]]:
        left_out = {digest for split in part.minus for digest in self.left_out[split]}
        for row in part.rows():
            self.total += 1
            if isinstance(row, Rejected):
                self._reject(row, row.reason)
                continue
            if part.split is not None and row.split not in (None, part.split):
                self.total -= 1  # another part's row, in a file that holds several splits
                continue
            digest = digest_of(row.record)
            if digest not in left_out:
                yield part.split or row.split or self.thresholds.split_of(digest), row, digest

    def _thresholds(self) -> Thresholds:
        """Where the splits of an unsplit part lie, found by hashing its records once."""
        splitter = Splitter(self.source.valid, self.source.test)
        if self.source.valid or self.source.test:
            for part in self.source.parts:
                if part.split is None:
                    for row in part.rows():
                        if isinstance(row, Row) and row.split is None and not splitter.see(digest_of(row.record)):
                            break  # it has seen enough
        return splitter.thresholds()

    def _records_of(self, splits: set[str]) -> dict[str, set[int]]:
        """The digests of the records of some splits, for the parts that leave them out."""
        found: dict[str, set[int]] = {split: set() for split in splits}
        for part in self.source.parts:
            if part.split in found:
                rows = part.rows()
                found[part.split] |= {digest_of(row.record) for row in rows if isinstance(row, Row)}
        return found

    def _reject(self, row: Row | Rejected, reason: str) -> None:
        bad = Rejected(row.file, row.line, reason)
        self.rejected += 1
        if len(self.first) < SHOWN:
            self.first.append(bad)
        if self.journal is not None:
            self.journal.write(json.dumps(bad._asdict(), ensure_ascii=False) + "\n")
        if self.settings.on_error == "raise":
            self._check()

    def _rejections(self) -> Rejections:
        return Rejections(self.rejected, self.total, self.folder / "rejected.jsonl", tuple(self.first))

    def _nothing_to_train_on(self) -> DataError:
        return DataError(f"{self.source.name} holds no training record: {self._rejections() if self.rejected else 'it is empty'}")

    def _check(self) -> None:
        check_rejections(self._rejections(), self.settings)


def encode_each(codec: Codec, rows: list[Row], reject: Callable[[Row, str], None]) -> list[np.ndarray | None]:
    """One array a row, None where the codec refuses it; together if it can, and one by one if it cannot."""
    try:
        return list(codec.encode([row.record for row in rows]))
    except DataError:
        return [_encode_one(codec, row, reject) for row in rows]


def _encode_one(codec: Codec, row: Row, reject: Callable[[Row, str], None]) -> np.ndarray | None:
    try:
        return codec.encode([row.record])[0]
    except DataError as error:
        reject(row, str(error))
        return None
