"""Fewer points for the same drawing: resampling at even spacing, and Ramer-Douglas-Peucker.

RDP keeps the ends of a line and, while some point lies further than `epsilon` from the chord, the furthest one (Ramer 1972;
Douglas & Peucker 1973). QuickDraw's own recipe is: longest side 255, resampled at spacing 1, RDP with epsilon 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def simplify(line: np.ndarray, epsilon: float) -> np.ndarray:
    """The points of a line `[k,2]` that RDP keeps; none of those dropped lies further than `epsilon` from what is left."""
    keep = np.zeros(len(line), bool)
    keep[[0, -1]] = True
    open_chords = [(0, len(line) - 1)]
    while open_chords:
        first, last = open_chords.pop()
        if last - first < 2:
            continue
        squares = _squared_distances(line[first + 1 : last], line[first], line[last])
        furthest = int(squares.argmax())
        if squares[furthest] > epsilon**2:
            middle = first + 1 + furthest
            keep[middle] = True
            open_chords += [(first, middle), (middle, last)]
    return line[keep]


def resample(line: np.ndarray, spacing: float) -> np.ndarray:
    """Points at every `spacing` along a line `[k,2]`, and its last point."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    if along[-1] == 0:
        return line[:1]
    places = np.arange(0, along[-1], spacing)
    inner = np.column_stack([np.interp(places, along, line[:, axis]) for axis in (0, 1)])
    return np.concatenate([inner, line[-1:]])


def fit(lines: Sequence[np.ndarray], size: float) -> list[np.ndarray]:
    """The same drawing, its longer side `size`; a single point stays as it is."""
    points = np.concatenate(lines)
    side = float(np.ptp(points, axis=0).max())
    return [line * (size / side) for line in lines] if side > 0 else list(lines)


def _squared_distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Of points `[k,2]` from the segment between two others, `[k]`."""
    chord, away = end - start, points - start
    length = float(chord @ chord)
    if length > 0:
        share = np.minimum(np.maximum(away @ chord / length, 0), 1)
        away = away - share[:, None] * chord
    return np.einsum("kd,kd->k", away, away)
