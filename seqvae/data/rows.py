"""What a reader yields: a `Row` for each record it could read, a `Rejected` for each it could not.

Nothing vanishes silently: whatever stands in a file comes out as one or the other, with its file and its 1-based line number.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, cast


class Row(NamedTuple):
    """One record as it was read.

    Attributes:
        record: the sentence, drawing or molecule; still without steps.
        file, line: where it stands; `line` is 1-based (the row of a table or array where a file has no lines).
        label: its class, a name or a whole number; None where it is not known.
        properties: its measured numbers, NaN where missing.
        split: the split that the file itself assigns it to (an `.npz` with `train` and `test` inside), or None.
    """

    record: Any
    file: str
    line: int
    label: str | int | None = None
    properties: tuple[float, ...] = ()
    split: str | None = None


class Rejected(NamedTuple):
    """One record that could not be used, and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what, by name (the file then has a header) or by 0-based number.

    Attributes:
        record: the record; None lets the reader look for one of `guesses` in the header.
        label: the class label, a name or a whole number, or None.
        properties: columns of numbers.
        guesses: the names that a modality's record column usually has.
    """

    record: str | int | None = None
    label: str | int | None = None
    properties: tuple[str | int, ...] = ()
    guesses: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str | int, ...]:
        """Every column that was asked for, the record's first."""
        return tuple(c for c in (self.record, self.label, *self.properties) if c is not None)


Reader = Callable[[Path, Columns], Iterator[Row | Rejected]]
"""Streams a file (or folder) in constant memory. Raises DataError where the file as a whole cannot be read."""


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where its name ends in `.gz`."""
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else open(path, "rb")
