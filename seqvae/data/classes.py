"""Class labels by number: names are numbered in their alphabetical order, whole numbers stand for themselves.

The first label of a source says which of the two its labels are. Names are known only once all of it was read, so while it is
written they bear the numbers of their first appearance, and `order` takes these to the final ones.
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
        self._highest = MISSING
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
        self._highest = max(self._highest, label)
        return max(label, MISSING)

    @property
    def names(self) -> tuple[str, ...]:
        """The class of each final number; whole numbers are their own names. None where there are no classes."""
        if self._whole:
            return tuple(map(str, range(self._highest + 1))) if self._highest < MOST else ()
        return tuple(sorted(self._first))

    @property
    def order(self) -> np.ndarray | None:
        """int64: the final number of each number for now, and last, for a missing label, of -1; None where they are the same."""
        if self._whole or list(self._first) == sorted(self._first):
            return None
        place = {name: number for number, name in enumerate(sorted(self._first))}
        return np.array([*(place[name] for name in self._first), MISSING], np.int64)
