"""The bad records of a source: counted, shown, written down, and past a certain share an error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from seqvae.data.rows import Rejected
from seqvae.data.settings import DataSettings
from seqvae.errors import DataError

SHOWN = 5  # bad records named in messages


@dataclass(frozen=True)
class Rejections:
    """The bad records of a source.

    Attributes:
        count, total: how many of how many records that were read.
        path: all of them, as json lines.
        first: the first few.
    """

    count: int
    total: int
    path: Path
    first: tuple[Rejected, ...]

    @property
    def share(self) -> float:
        """Of all records, 0 to 1."""
        return self.count / max(1, self.total)

    def __str__(self) -> str:
        more = f"; and {self.count - len(self.first):,} more" if self.count > len(self.first) else ""
        return f"{self.count:,} of {self.total:,} records are bad: {'; '.join(map(str, self.first))}{more}"


def read_rejections(path: Path, total: int, count: int) -> Rejections:
    """What a journal of bad records holds, given how many of how many there are."""
    with open(path, encoding="utf-8") as lines:
        first = tuple(Rejected(**json.loads(line)) for line, _ in zip(lines, range(SHOWN), strict=False))
    return Rejections(count, total, path, first)


def check_rejections(rejected: Rejections, settings: DataSettings) -> None:
    """Raises DataError where there are more bad records than the settings allow."""
    if rejected.count and settings.on_error == "raise":
        raise DataError(f"{rejected.first[0]} (data.on_error=raise; data.on_error=skip leaves bad records out)")
    if rejected.share > settings.max_rejected:
        raise DataError(
            f"{rejected}. That is {rejected.share:.1%}, more than data.max_rejected={settings.max_rejected:g}; "
            f"mend the file, or give data.max_rejected={min(1.0, rejected.share + 0.005):.2f} to leave them out"
        )
