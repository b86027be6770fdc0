"""`.svg` files: every path, line, polyline and shape as pen strokes, transforms applied, curves followed closely.

What is filled is drawn by its outline, like everything else; text and images are not strokes and are left out.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError
from seqvae.modalities.sketch.arrays import refuse_columns
from seqvae.modalities.sketch.simplification import simplify
from seqvae.modalities.sketch.strokes import from_lines

if TYPE_CHECKING:
    from svgelements import Path as SvgPath

CURVE_POINTS = 32  # of each curved segment, before those that tell nothing are dropped again
CLOSENESS = 0.004  # of the drawing's longer side: how far a straightened curve may lie from the curve


def read_svg(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """One file, one drawing."""
    refuse_columns(path, columns)
    try:
        yield Row(from_lines(svg_lines(path)), str(path), 1)
    except ElementTree.ParseError as error:
        yield Rejected(str(path), error.position[0], f"malformed svg: {error}")
    except DataError as error:
        yield Rejected(str(path), 1, str(error))


def svg_lines(path: Path) -> list[np.ndarray]:
    """The strokes of an `.svg` in the order in which it draws them, `[k,2]` each.

    Raises:
        DataError: svgelements is not installed, the file holds no strokes, or values that it cannot make sense of.
        ElementTree.ParseError: it is no XML; carries the line.
    """
    try:
        from svgelements import SVG, Shape
        from svgelements import Path as SvgPath
    except ImportError:
        raise DataError(f"reading {path} needs the svgelements library: pip install 'seqvae[svg]'") from None
    try:
        document = SVG.parse(str(path))
        if not isinstance(document, SVG):
            raise DataError("not an svg: its outermost element is another")
        shapes = [element for element in document.elements() if isinstance(element, Shape)]
        lines = [line for shape in shapes for line in _lines_of(SvgPath(shape))]
    except ElementTree.ParseError:
        raise
    except (ValueError, TypeError, AttributeError, IndexError, ZeroDivisionError, RecursionError) as error:
        raise DataError(f"malformed svg: {error}") from error
    if not lines:
        raise DataError("no strokes: the file draws no path, line, polyline or shape")
    side = float(np.ptp(np.concatenate(lines), axis=0).max())
    return [simplify(line, CLOSENESS * side) if len(line) > 2 else line for line in lines]


def _lines_of(path: SvgPath) -> Iterator[np.ndarray]:
    """One line for each time that the pen is down."""
    from svgelements import Close, Line, Move

    points: list[Any] = []
    for segment in path.reify():
        if isinstance(segment, Move):
            yield from _line(points)
            points = [segment.end]
        elif isinstance(segment, (Line, Close)):
            points.append(segment.end)
        else:
            points += [segment.point(place) for place in np.linspace(0, 1, CURVE_POINTS + 1)[1:]]
    yield from _line(points)


def _line(points: list[Any]) -> Iterator[np.ndarray]:
    array = np.array([(point.x, point.y) for point in points if point is not None], np.float64)
    if len(array) > 1:  # a lone move draws nothing
        yield array
