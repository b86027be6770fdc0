"""Drawings to stroke-5 steps and back (Ha & Eck 2017, arXiv 1704.03477).

Offsets are divided by one scale factor, the standard deviation of all dx and dy of the training drawings, so that the offsets a
model sees have unit variance; valid and test drawings use the same one. Decoding multiplies it in again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import PositiveFloat

from seqvae.errors import DataError
from seqvae.modalities.sketch.simplification import fit, resample, simplify
from seqvae.modalities.sketch.strokes import checked, from_lines, to_lines, to_steps, to_strokes
from seqvae.registry import register
from seqvae.steps import StepSpec

FILE = "strokes.json"
FAR = 100.0  # scale factors; in drawings of people and pens the longest offset is some 15


@register("tokenizer", "stroke")
class StrokeCodec:
    """Stroke-3 records to scaled stroke-5 steps. Without simplification the way there and back loses nothing but rounding.

    Args:
        scale: the scale factor; None learns it from the training drawings.
        size: first make each drawing's longer side this long; for drawings of many sizes.
        spacing: then resample each line at this spacing.
        epsilon: then drop points by Ramer-Douglas-Peucker with this tolerance. QuickDraw: size 255, spacing 1, epsilon 2.
    """

    def __init__(
        self,
        *,
        scale: PositiveFloat | None = None,
        size: PositiveFloat | None = None,
        spacing: PositiveFloat | None = None,
        epsilon: PositiveFloat | None = None,
    ) -> None:
        self.spec = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))
        self.given, self.size, self.spacing, self.epsilon = scale, size, spacing, epsilon
        self.scale = scale or 1.0
        self.longest = 0

    @property
    def fingerprint(self) -> str:
        """A hash of the options and, once fitted, of what was learnt."""
        options = [self.given, self.size, self.spacing, self.epsilon, self.scale, self.longest]
        return hashlib.sha256(json.dumps(["stroke", 1, *options]).encode()).hexdigest()

    def fit(self, records: Iterable[Any], seed: int) -> None:
        """Learn the scale factor, and the points of the longest drawing (`longest`, which some metrics divide by).

        Drawings whose longest offset is beyond `FAR` times the usual do not count, lest one broken record rescale all.
        """
        moments = []
        for record in records:
            try:
                strokes = self._prepared(record)
            except DataError:
                continue  # encode will say so, with its file and line
            offsets = strokes[:, :2].astype(np.float64)
            moments.append((offsets.size, offsets.sum(), np.square(offsets).sum(), np.abs(offsets).max()))
        if not moments:
            return
        table = _without_broken(np.array(moments))
        self.longest = int(table[:, 0].max()) // 2
        if self.given is None:
            self.scale = _deviation(table) or 1.0  # nothing but zeros has no scale

    def encode(self, records: Sequence[Any]) -> list[np.ndarray]:
        """float32 `[points+1,5]` each, the end last.

        Raises:
            DataError: a record without points or with values that cannot be, or an offset far beyond what drawings have.
        """
        return [self._encode(record) for record in records]

    def decode(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """stroke-3 float32 `[n,3]` each, in the data's own unit, up to the first end."""
        return [self._decode(np.asarray(sequence)) for sequence in sequences]

    def units(self, record: Any) -> int:
        """Points."""
        return len(self._prepared(record))

    def save(self, folder: Path) -> None:
        """Write `strokes.json`."""
        (folder / FILE).write_text(json.dumps({"scale": self.scale, "longest": self.longest}), "utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            DataError: it is not there, or damaged.
        """
        try:
            learnt = json.loads((folder / FILE).read_text("utf-8"))
            self.scale, self.longest = float(learnt["scale"]), int(learnt["longest"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no scale of strokes in {folder / FILE}: {error}") from error

    def _prepared(self, record: Any) -> np.ndarray:
        """The record checked, and simplified as the options say."""
        strokes = checked(record)
        if self.size is None and self.spacing is None and self.epsilon is None:
            return strokes
        lines = to_lines(strokes)
        if self.size is not None:
            lines = fit(lines, self.size)
        if self.spacing is not None:
            lines = [resample(line, self.spacing) for line in lines]
        if self.epsilon is not None:
            lines = [simplify(line, self.epsilon) for line in lines]
        return from_lines(lines)

    def _encode(self, record: Any) -> np.ndarray:
        steps = to_steps(self._prepared(record))
        steps[:, :2] /= self.scale
        furthest = float(np.abs(steps[:, :2]).max())
        if furthest > FAR:
            raise DataError(
                f"an offset is {furthest:.3g} times the scale factor {self.scale:.6g}; no drawing's is more than {FAR:g}"
            )
        return steps

    def _decode(self, steps: np.ndarray) -> np.ndarray:
        strokes = to_strokes(steps)
        strokes[:, :2] *= self.scale
        return strokes


def _deviation(moments: np.ndarray) -> float:
    """The standard deviation of all numbers whose counts, sums and sums of squares are the rows' first three columns."""
    count, total, squares = moments[:, :3].sum(axis=0)
    return float(np.sqrt(max(0.0, squares / count - (total / count) ** 2)))


def _without_broken(moments: np.ndarray) -> np.ndarray:
    """The rows whose largest number is at most `FAR` times that of the median row."""
    largest = moments[:, 3]
    typical = float(np.median(largest))
    return moments[largest <= FAR * typical] if typical > 0 else moments
