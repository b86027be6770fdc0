"""Drawings as pictures: a grid of tiles with captions, as SVG or PNG.

Each drawing is fitted into its tile. The layout is made once, in pixels, and written by either of two small writers.
"""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqvae.modalities.sketch.strokes import to_lines

TILE, MARGIN, CAPTION = 120, 10, 16  # pixels
PEN, INK, ASIDE = 1.6, "#1d2429", "#66727a"
PER_PNG_PIXEL = 2  # a PNG has so many pixels for each of the layout's


@dataclass
class Sheet:
    """A laid out grid: width and height in pixels, `[k,2]` lines in pixels, and captions with the places of their middles."""

    width: float
    height: float
    lines: list[np.ndarray] = field(default_factory=list)
    captions: list[tuple[float, float, str]] = field(default_factory=list)


def lay_out(tiles: Sequence[tuple[np.ndarray, str]], columns: int) -> Sheet:
    """Tiles, each a stroke-3 drawing and its caption, row by row in so many columns."""
    row_height = TILE + (CAPTION if any(caption for _, caption in tiles) else 0)
    sheet = Sheet(width=TILE * min(columns, len(tiles)), height=row_height * -(-len(tiles) // columns))
    for number, (strokes, caption) in enumerate(tiles):
        row, column = divmod(number, columns)
        corner = np.array([column * TILE, row * row_height], float)
        sheet.lines += [line + corner for line in fitted(strokes, TILE, MARGIN)]
        if caption:
            sheet.captions.append((corner[0] + TILE / 2, corner[1] + TILE + CAPTION / 2, caption))
    return sheet


def fitted(strokes: np.ndarray, side: float, margin: float) -> list[np.ndarray]:
    """A drawing's lines, scaled and moved to fill a square of `side` inside its `margin`."""
    lines = to_lines(strokes)
    if not lines:
        return []
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    longest = float((high - low).max())
    scale = (side - 2 * margin) / longest if longest > 0 else 1.0
    return [(line - (low + high) / 2) * scale + side / 2 for line in lines]


def write_svg(sheet: Sheet) -> bytes:
    """The sheet as an SVG file."""
    captions = "".join(
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" dominant-baseline="middle">{html.escape(text)}</text>\n'
        for x, y, text in sheet.captions
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width:g}" height="{sheet.height:g}" \
viewBox="0 0 {sheet.width:g} {sheet.height:g}">
<rect width="100%" height="100%" fill="#ffffff"/>
<g fill="none" stroke="{INK}" stroke-width="{PEN}" stroke-linecap="round" stroke-linejoin="round">
{"".join(f'<path d="{path_data(line)}"/>' + chr(10) for line in sheet.lines)}</g>
<g font-family="sans-serif" font-size="10" fill="{ASIDE}">
{captions}</g>
</svg>
""".encode()


def write_png(sheet: Sheet) -> bytes:
    """The sheet as a PNG file."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"font.family": "sans-serif", "font.size": 7.5}):
        figure = Figure(figsize=(sheet.width / 100, sheet.height / 100), dpi=100 * PER_PNG_PIXEL, facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, sheet.width), ylim=(sheet.height, 0))
        axes.set_axis_off()
        paint(axes, sheet.lines, INK, PEN * 0.72)  # points, of which an inch has 72 and not 100
        for x, y, text in sheet.captions:
            axes.text(x, y, text, ha="center", va="center", color=ASIDE, parse_math=False)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def paint(axes: Any, lines: Sequence[np.ndarray], colour: str, width: float) -> None:
    """Lines onto matplotlib axes."""
    from matplotlib.collections import LineCollection

    long = [line for line in lines if len(line) > 1]
    axes.add_collection(LineCollection(long, colors=colour, linewidths=width, capstyle="round", joinstyle="round"))
    dots = np.array([line[0] for line in lines if len(line) == 1]).reshape(-1, 2)
    axes.scatter(*dots.T, s=width**2, color=colour, linewidths=0)  # a line onto itself is invisible to Agg


def inline_svg(strokes: np.ndarray) -> str:
    """One drawing as an SVG element of an HTML page, in the colour of the text around it."""
    data = " ".join(path_data(line) for line in fitted(strokes, TILE, MARGIN))
    style = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    return f'<svg class="drawing" viewBox="0 0 {TILE} {TILE}" role="img"><path {style} d="{data}"/></svg>'


def path_data(line: np.ndarray) -> str:
    """The `d` of an SVG path; a lone point is a line onto itself, which a round cap makes a dot."""
    points = [f"{x:.1f} {y:.1f}" for x, y in (line if len(line) > 1 else np.repeat(line, 2, axis=0))]
    return f"M{points[0]}L{' '.join(points[1:])}"
