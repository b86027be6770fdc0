"""The best that came of each start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqvae.explore.candidates import Candidates
from seqvae.explore.goal import Goal

Key = tuple[bool, float]


@dataclass(frozen=True)
class Optimum:
    """The best that one start led to; the start itself where nothing valid came of it.

    Attributes:
        record, start: what came out, and where it came from.
        value, start_value: the real property, NaN where it was not computed; the score of all properties where there are several.
        predicted: by the heads, in the same unit.
        similarity: to the start, NaN where the modality cannot say.
        valid: whether anything valid came of the start.
    """

    record: Any
    start: Any
    value: float
    predicted: float
    start_value: float
    similarity: float
    valid: bool


class Judged:
    """Records by their real values and by what the heads predict.

    Args:
        goal: what is climbed.
        values, predicted: `[N,P]` each, in the properties' own units.

    Attributes:
        keys: N, to order records by: what has a real value before what has none, then by that value, else by the prediction.
        value, predicted: `[N]` to show: a single property in its own unit, several as their score.
    """

    def __init__(self, goal: Goal, values: np.ndarray, predicted: np.ndarray) -> None:
        real, hoped = goal.worth(values), goal.worth(predicted)
        known = np.isfinite(real)
        self.keys: list[Key] = list(zip(known.tolist(), np.where(known, real, hoped).tolist(), strict=True))
        single = len(goal.names) == 1
        self.value = values[:, 0] if single else real
        self.predicted = predicted[:, 0] if single else hoped


def optima(starts: Sequence[Any], own: Judged, found: Candidates, judged: Judged) -> list[Optimum]:
    """One a start, the best first.

    Args:
        starts: N records; own: what is said of them.
        found: C candidates; judged: what is said of those.
    """
    best: dict[int, int] = {}
    for i, start in enumerate(found.start.tolist()):
        if start not in best or judged.keys[i] > judged.keys[best[start]]:
            best[start] = i
    ranked: list[tuple[Key, Optimum]] = []
    for number, start in enumerate(starts):
        before = float(own.value[number])
        if number not in best:
            optimum = Optimum(start, start, before, float(own.predicted[number]), before, similarity=1.0, valid=False)
            ranked.append((own.keys[number], optimum))
        else:
            i = best[number]
            value, predicted, near = float(judged.value[i]), float(judged.predicted[i]), float(found.similarity[i])
            ranked.append((judged.keys[i], Optimum(found.records[i], start, value, predicted, before, near, valid=True)))
    return [optimum for _, optimum in sorted(ranked, key=lambda pair: pair[0], reverse=True)]
