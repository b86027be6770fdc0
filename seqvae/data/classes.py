"""Class labels by number: names are numbered in their alphabetical order, whole numbers in that of their size.

The first label of a source says which of the two its labels are. Classes are those that occur: ratings 1, 3 and 5 are three, since
a fourth would have a vector that nothing trains. They are known only once all of the source was read, so while it is written names
bear the numbers of their first appearance and whole numbers themselves, and `order` takes these to the final ones.
"""

from __future__ import annotations

import numpy as np

from seqvae.errors import DataError

MISSING = -1
MOST = 10_000  # whole numbers beyond are measurements or keys: no classes to list


class ClassNumbers:
    """Numbers labels as they come."""

    def __init__(self) -> None:
        self._whole: bool | None = None
        self._measured = False
        self._occurring: set[int] = set()
        self._first: dict[str, int] = {}

    def number(self, label: str | int | None) -> int:
        """The number of a label for now; `MISSING` for None and below 0.

        Raises:
            DataError: a name among whole numbers.
        """
        if label is None:
            return MISSING
        if self._whole is None:
            self._whole = isinstance(label, int)
        if not self._whole:
            return self._first.setdefault(str(label), len(self._first))
        if not isinstance(label, int):
            raise DataError(f"bad label {label!r:.40}, expected a whole number, as the first one is")
        if label >= MOST:
            self._measured = True
        elif label >= 0:
            self._occurring.add(label)
        return max(label, MISSING)

    @property
    def names(self) -> tuple[str, ...]:
        """The class of each final number; whole numbers are their own names. None where there are no classes."""
        if self._whole:
            return () if self._measured else tuple(map(str, sorted(self._occurring)))
        return tuple(sorted(self._first))

    @property
    def order(self) -> np.ndarray | None:
        """int64: the final number of each number for now, and last, for a missing label, of -1; None where they are the same."""
        now = sorted(self._occurring) if self._whole else [self._first[name] for name in self.names]
        if self._measured or now == list(range(len(now))):
            return None
        order = np.full(max(now) + 2, MISSING)
        order[now] = np.arange(len(now))
        return order
