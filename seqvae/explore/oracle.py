"""The real property: computed from the record, each record once, and every computation counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqvae.data.computed import PropertyFunction, compute
from seqvae.data.splits import digest_of
from seqvae.errors import ConfigError, DataError


class Oracle:
    """Properties of records, remembered.

    Args:
        functions: by property, in the order of the answers' columns.
        budget: most records that may be computed, or None.
        width: properties P; needed where there are no functions, and what is told is all that is known.

    Attributes:
        calls: records computed so far; one that is asked for again, or was told, costs nothing.
    """

    def __init__(self, functions: Mapping[str, PropertyFunction], budget: int | None = None, width: int | None = None) -> None:
        if budget is not None and budget < 0:
            raise ConfigError(f"calls={budget}: give 0 or more")
        self.functions, self.budget, self.calls = dict(functions), budget, 0
        self.width = width or max(1, len(functions))
        self._known: dict[int, np.ndarray] = {}

    def tell(self, records: Sequence[Any], values: np.ndarray) -> None:
        """Take note of values `[N,P]` that are known already; rows with a NaN teach nothing."""
        for record, row in zip(records, values, strict=True):
            if np.isfinite(row).all():
                self._known[digest_of(record)] = np.asarray(row, np.float64)

    def ask(self, records: Sequence[Any]) -> np.ndarray:
        """`[N,P]` values; NaN where a property fails, and for records beyond the budget, which goes to the first.

        Raises:
            DataError: a property that fails on every record.
        """
        asked: dict[int, Any] = {}
        for record in records:
            key = digest_of(record)
            if key not in self._known and key not in asked and (self.budget is None or self.calls + len(asked) < self.budget):
                asked[key] = record
        if asked and self.functions:
            values = compute(self.functions, list(asked.values()))
            self.calls += len(asked)
            self._known |= dict(zip(asked, values, strict=True))
            hopeless = [name for name, column in zip(self.functions, values.T, strict=True) if not np.isfinite(column).any()]
            if hopeless:
                raise DataError(f"{hopeless[0]} gave no number for any of {len(asked)} records; try it on one of them by hand")
        return self.recall(records)

    def recall(self, records: Sequence[Any]) -> np.ndarray:
        """`[N,P]` values that are known; nothing is computed."""
        unknown = np.full(self.width, np.nan)
        return np.array([self._known.get(digest_of(record), unknown) for record in records]).reshape(len(records), self.width)
