"""A codec whose steps are the pieces that a record splits into, out of a vocabulary of those that occur in training.

Ids: pad 0, bos 1, eos 2, unk 3, then pieces, the most frequent first. What a piece is, is the codec's own business: it says how a
record splits and how pieces join.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqvae.errors import DataError
from seqvae.steps import StepSpec

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")


class VocabularyCodec(ABC):
    """Records to ids of pieces.

    Attributes:
        kind, version: name and version of the way a record splits; in the fingerprint.
        stem: what the pieces are called: the file `{stem}.json` holds `{"{stem}": [...]}`.
    """

    kind: str
    version: int = 1
    stem: str
    spec: StepSpec

    def __init__(self) -> None:
        self._take([])

    @abstractmethod
    def split(self, record: str) -> list[str]:
        """The pieces of a record. Raises DataError where it has none or cannot be split."""

    @abstractmethod
    def join(self, pieces: list[str]) -> str:
        """The record that pieces spell; `<unk>` stands for the unknown one."""

    @abstractmethod
    def units(self, record: str) -> int:
        """See `Codec.units`."""

    @property
    def options(self) -> list[Any]:
        """What the recipe says of the codec; in the fingerprint."""
        return []

    def kept(self, counts: Counter[str]) -> list[str]:
        """The pieces that make the vocabulary, given how often each occurs: the most frequent first, ties by spelling."""
        return sorted(counts, key=lambda piece: (-counts[piece], piece))

    def unknown(self, piece: str) -> int:
        """The id of a piece outside the vocabulary.

        Raises:
            DataError: a codec that has no use for unknown pieces refuses the record.
        """
        raise DataError(f"{piece!r} does not occur in the training records")

    @property
    def fingerprint(self) -> str:
        """A hash of the options and, once fitted, of the vocabulary."""
        content = json.dumps([self.kind, self.version, *self.options, self.pieces])
        return hashlib.sha256(content.encode()).hexdigest()

    def fit(self, records: Iterable[str], seed: int) -> None:
        """Count the pieces of `records`; a record that cannot be split teaches nothing here, and is refused by `encode`."""
        counts: Counter[str] = Counter()
        for record in records:
            try:
                counts.update(self.split(record))
            except DataError:
                continue
        self._take(self.kept(counts))

    def encode(self, records: Sequence[str]) -> list[np.ndarray]:
        """int32 `[pieces+1]` each, EOS last.

        Raises:
            DataError: a record without pieces, or with one that the codec refuses.
        """
        return [self._encode(record) for record in records]

    def decode(self, sequences: Sequence[np.ndarray]) -> list[str]:
        """What the ids up to the first EOS spell; BOS and padding spell nothing."""
        return [self._decode(np.asarray(sequence)) for sequence in sequences]

    def save(self, folder: Path) -> None:
        """Write `{stem}.json`."""
        (folder / f"{self.stem}.json").write_text(json.dumps({self.stem: self.pieces}, ensure_ascii=False, indent=0), "utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            DataError: it is not there, or damaged.
        """
        path = folder / f"{self.stem}.json"
        try:
            self._take(json.loads(path.read_text("utf-8"))[self.stem])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no vocabulary of {self.stem} in {path}: {error}") from error

    def _take(self, pieces: list[str]) -> None:
        self.pieces = pieces
        self.spec = StepSpec(size=len(SPECIALS) + len(pieces))
        self._ids = {piece: number for number, piece in enumerate(pieces, start=len(SPECIALS))}

    def _encode(self, record: str) -> np.ndarray:
        ids = [self._ids[piece] if piece in self._ids else self.unknown(piece) for piece in self.split(record)]
        return np.array([*ids, self.spec.eos], np.int32)

    def _decode(self, sequence: np.ndarray) -> str:
        ends = np.flatnonzero(sequence == self.spec.eos)
        ids = sequence[: ends[0]] if len(ends) else sequence
        unknown = SPECIALS[self.spec.unk]
        return self.join([self.pieces[i - len(SPECIALS)] if i >= len(SPECIALS) else unknown for i in ids if i >= self.spec.unk])
