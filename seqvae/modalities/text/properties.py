"""What can be counted of a sentence, as properties to predict and to climb."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

PROPERTIES: dict[str, Callable[[str], float]] = {
    "words": lambda sentence: len(sentence.split()),
    "characters": len,
    "word_length": lambda sentence: float(np.mean([len(word) for word in sentence.split()])) if sentence.split() else float("nan"),
}


def similarity(a: str, b: str) -> float:
    """1 - the edit distance in words (Levenshtein 1966) over the longer sentence's length: 1 for equal sentences."""
    first, second = a.split(), b.split()
    longer = max(len(first), len(second))
    return 1 - edit_distance(first, second) / longer if longer else 1.0


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions that turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
