"""Two ways of doing the same thing, timed in turn: A B A B, so that a machine that slows down slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """Work per second of the textbook and of ours, one number a turn, and what is aimed at.

    Attributes:
        name, unit: what was done, and what is counted per second.
        textbook, ours: per second, by turn.
        target: the median ratio aimed at, or None.
        note: what one must know to read the ratio.
    """

    name: str
    unit: str
    textbook: list[float]
    ours: list[float]
    target: float | None = None
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Ours over the textbook, by turn."""
        return [ours / textbook for textbook, ours in zip(self.textbook, self.ours, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Everything, with the ratio's least, median and greatest."""
        ratios = self.ratios
        summary = {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)}
        return {**asdict(self), "ratio": summary}


def per_second(work: Callable[[], float]) -> float:
    """What `work` returns, an amount of work done, over the seconds that it took."""
    start = time.perf_counter()
    amount = work()
    return amount / (time.perf_counter() - start)


def in_turn(textbook: Callable[[], float], ours: Callable[[], float], turns: int) -> tuple[list[float], list[float]]:
    """Work per second of both over `turns` turns, after one of each that is not counted."""
    textbook(), ours()
    results = [(per_second(textbook), per_second(ours)) for _ in range(turns)]
    return [first for first, _ in results], [second for _, second in results]
