"""Drawings as plain JSON, in whichever of three layouts it holds them.

    [[dx,dy,lift], ...]            stroke-3, as seqvae itself writes drawings
    [[[x,y], [x,y], ...], ...]     lines of points
    [[[x,x,...], [y,y,...]], ...]  QuickDraw's lines of coordinates

A line of two points looks the same in the last two: it is QuickDraw's unless another line of the same file shows otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqvae.data.readers import text_lines
from seqvae.data.rows import Columns, Rejected, Row, open_bytes
from seqvae.errors import DataError
from seqvae.modalities.sketch.arrays import refuse_columns
from seqvae.modalities.sketch.strokes import checked, from_lines

EXPECTED = "expected [[dx,dy,lift],...], lines of [x,y] points, or lines of [xs,ys]"


def read_json(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.json`: one drawing, or a list of them, which `line` counts from 1."""
    refuse_columns(path, columns)
    with open_bytes(path) as stream:
        try:
            value = json.loads(stream.read())
        except (ValueError, RecursionError) as error:
            line = getattr(error, "lineno", 1)
            raise DataError(f"{path}:{line}: malformed json: {error}") from error
    drawings = [value] if _is_drawing(value) else value
    if not isinstance(drawings, list):
        raise DataError(f"{path} holds no list of drawings but {type(value).__name__} {value!r:.40}")
    quickdraw = all(_holds_coordinates(drawing) for drawing in drawings if _depth(drawing) == 3)
    for number, drawing in enumerate(drawings, start=1):
        yield as_row(path, number, drawing, quickdraw)


def read_jsonl(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.jsonl`: one drawing a line."""
    refuse_columns(path, columns)
    for number, line in text_lines(path):
        try:
            yield as_row(path, number, json.loads(line or ""))
        except (ValueError, RecursionError) as error:
            yield Rejected(str(path), number, f"malformed json: {error}")


def as_row(path: Path, number: int, value: Any, quickdraw: bool | None = None) -> Row | Rejected:
    """A row out of a value that ought to be a drawing."""
    try:
        return Row(drawing_of(value, quickdraw), str(path), number)
    except DataError as error:
        return Rejected(str(path), number, str(error))


def drawing_of(value: Any, quickdraw: bool | None = None) -> np.ndarray:
    """Stroke-3 out of nested lists.

    Args:
        value: in one of the three layouts.
        quickdraw: whether lines are lists of coordinates; None decides by their looks.

    Raises:
        DataError: it is no drawing.
    """
    depth = _depth(value)
    if depth == 2 and len(value[0]) == 3:
        return checked(value)
    if depth == 2:
        return from_lines([_points(value)])
    if depth == 3:
        coordinates = _holds_coordinates(value) if quickdraw is None else quickdraw
        return from_lines([_transposed(line) if coordinates else _points(line) for line in value])
    raise DataError("no points" if isinstance(value, list) and not value else f"{EXPECTED}, got {value!r:.60}")


def _depth(value: Any) -> int:
    """How many lists lie around the first number; 0 where there is none."""
    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    return depth if isinstance(value, (int, float)) and not isinstance(value, bool) else 0


def _is_drawing(value: Any) -> bool:
    """Whether a value is one drawing and not a list of them: a list of stroke-3 drawings is as deep as a drawing of lines."""
    if _depth(value) != 3:
        return _depth(value) == 2
    return _holds_coordinates(value) or any(len(row) == 2 for line in value if isinstance(line, list) for row in line[:1])


def _holds_coordinates(lines: Any) -> bool:
    """Whether every line could be QuickDraw's: two rows, equally long."""
    return all(
        isinstance(line, list)
        and len(line) == 2
        and all(isinstance(row, list) for row in line)
        and len({len(row) for row in line}) == 1
        for line in lines
    )


def _transposed(line: Any) -> np.ndarray:
    """QuickDraw's [xs, ys] to points `[k,2]`."""
    rows = line[:2] if isinstance(line, list) else []
    if len(rows) < 2 or not all(isinstance(row, list) for row in rows) or len(rows[0]) != len(rows[1]):
        raise DataError(f"a line is [xs, ys] of one length, got {line!r:.60}")
    return _points(list(zip(*rows, strict=True)))


def _points(points: Sequence[Any]) -> np.ndarray:
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"a line is [x,y] points, got {points!r:.60}") from error
    if array.size and (array.ndim != 2 or array.shape[1] != 2):
        raise DataError(f"a line is [x,y] points, got {points!r:.60}")
    return array
