"""A drawing in its three forms, and the ways between them (Ha & Eck 2017, arXiv 1704.03477).

    lines     a list of [k,2] arrays, each the absolute points of one pen stroke
    stroke-3  [n,3] float32, the record: (dx, dy, lift); lift is 1 where the pen leaves the paper after the point
    stroke-5  [n+1,5] float32, the steps of a model: (dx, dy, down, up, end), one-hot in the last three; the end is (0,0,0,0,1)

The first offset counts from the origin. y grows downwards, as on a screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqvae.errors import DataError

END = (0.0, 0.0, 0.0, 0.0, 1.0)


def checked(record: Any) -> np.ndarray:
    """Whatever holds rows (dx, dy, lift) as stroke-3 float32 `[n,3]`.

    Raises:
        DataError: not such rows, none at all, a value that is not finite, or a lift that is neither 0 nor 1.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            strokes = np.asarray(record, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected rows of dx, dy, lift, got {record!r:.60}") from error
    if strokes.size == 0:
        raise DataError("no points")
    if strokes.ndim != 2 or strokes.shape[1] != 3:
        raise DataError(f"expected rows of dx, dy, lift: an array of shape [n, 3], got {list(strokes.shape)}")
    if not np.isfinite(strokes).all():
        row = int(np.flatnonzero(~np.isfinite(strokes).all(axis=1))[0])
        raise DataError(f"point {row + 1} is not finite: {strokes[row].tolist()}")
    lifts = strokes[:, 2]
    known = (lifts == 0) | (lifts == 1)
    if not known.all():
        row = int(np.flatnonzero(~known)[0])
        raise DataError(f"point {row + 1}: the pen is lifted (1) or not (0), got {lifts[row]:g}")
    return strokes


def to_steps(strokes: np.ndarray) -> np.ndarray:
    """Stroke-3 `[n,3]` to stroke-5 `[n+1,5]`, the end last; nothing is rounded."""
    steps = np.zeros((len(strokes) + 1, 5), np.float32)
    steps[:-1, :2] = strokes[:, :2]
    steps[:-1, 2] = 1 - strokes[:, 2]
    steps[:-1, 3] = strokes[:, 2]
    steps[-1] = END
    return steps


def to_strokes(steps: np.ndarray) -> np.ndarray:
    """Stroke-5 `[t,5]` to stroke-3: up to the first end, or all of it where there is none."""
    ends = np.flatnonzero(steps[:, 4] > 0)
    steps = steps[: ends[0]] if len(ends) else steps
    return np.column_stack([steps[:, :2], steps[:, 3]]).astype(np.float32)


def to_lines(strokes: np.ndarray) -> list[np.ndarray]:
    """Stroke-3 to lines: absolute points, float64."""
    points = np.cumsum(strokes[:, :2].astype(np.float64), axis=0)
    cuts = np.flatnonzero(strokes[:, 2] > 0) + 1
    return [line for line in np.split(points, cuts) if len(line)]


def from_lines(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Lines to stroke-3, each line's last point lifted.

    The origin is put at the centre of the drawing's box: where on the page it stood tells nothing, and an origin at the first point
    would make every first offset exactly zero, where a density has no bound.

    Raises:
        DataError: no points.
    """
    lines = [np.asarray(line, np.float64).reshape(-1, 2) for line in lines if len(line)]
    if not lines:
        raise DataError("no points")
    points = np.concatenate(lines)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    strokes = np.zeros((len(points), 3))
    strokes[0, :2] = points[0] - centre
    strokes[1:, :2] = points[1:] - points[:-1]
    strokes[np.cumsum([len(line) for line in lines]) - 1, 2] = 1
    return checked(strokes)
