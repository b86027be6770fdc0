"""Records that are there more than once: within a split, and in two splits at once, where they flatter the numbers.

Eight bytes a record, so that counting never needs the records themselves.
"""

from __future__ import annotations

from array import array
from itertools import combinations

import numpy as np

ORDER = ("train", "valid", "test")


class Duplicates:
    """The digests of the records of each split."""

    def __init__(self) -> None:
        self._digests: dict[str, array[int]] = {}

    def add(self, split: str, digest: int) -> None:
        """Take note of a record."""
        self._digests.setdefault(split, array("Q")).append(digest)

    def counts(self) -> dict[str, int]:
        """What recurs, zeros left out: `train`, records that repeat an earlier one of their split; `train+valid`, different
        records that stand in both."""
        distinct = {split: np.unique(np.asarray(held)) for split, held in self._digests.items()}
        found = {split: len(held) - len(distinct[split]) for split, held in self._digests.items()}
        for a, b in combinations([split for split in ORDER if split in distinct], 2):
            found[f"{a}+{b}"] = len(np.intersect1d(distinct[a], distinct[b], assume_unique=True))
        return {name: count for name, count in found.items() if count}


def described(counts: dict[str, int]) -> str:
    """The counts in words."""
    within = [f"{count:,} repeated in {name}" for name, count in counts.items() if "+" not in name]
    across = [f"{count:,} in both {name.replace('+', ' and ')}" for name, count in counts.items() if "+" in name]
    return ", ".join(within + across)
