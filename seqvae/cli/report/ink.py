"""Colours and type of the report: one set of names, printed as they are in a PNG, and as CSS variables in an SVG of the page.

An SVG inside a page inherits its style sheet, so figures drawn in placeholder colours turn dark with the page and black for print.
"""

from __future__ import annotations

import io
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Ink:
    """Colours by use: words and axes, asides, rules, the two accents, what lies behind."""

    text: str = "#1d2429"
    aside: str = "#66727a"
    rule: str = "#d9dee1"
    first: str = "#0f6d8c"
    second: str = "#c8641b"
    paper: str = "#ffffff"


PRINTED = Ink()
# colours that nobody would choose, to be found again in the SVG
THEMED = Ink(*(f"#01020{digit}" for digit in range(1, 7)))


def style(ink: Ink, size: float) -> Any:
    """matplotlib settings: sans serif of `size` points, no box around axes, nothing heavier than it must be."""
    return {
        "font.family": "sans-serif",
        "font.size": size,
        "axes.titlesize": size,
        "axes.labelsize": size,
        "xtick.labelsize": size * 0.92,
        "ytick.labelsize": size * 0.92,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": ink.rule,
        "axes.labelcolor": ink.aside,
        "axes.titlecolor": ink.text,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "text.color": ink.text,
        "xtick.color": ink.rule,
        "ytick.color": ink.rule,
        "xtick.labelcolor": ink.aside,
        "ytick.labelcolor": ink.aside,
        "grid.color": ink.rule,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "svg.fonttype": "none",  # words stay words: selectable, and in the page's own type
    }


def to_svg(figure: Figure, name: str) -> str:
    """The figure, drawn in `THEMED` ink, as an SVG element for the page; `name` keeps its ids apart from other figures'."""
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, value in asdict(THEMED).items():
        svg = svg.replace(value, f"var(--{colour})")
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', svg)  # axes_1, patch_2: every figure has them
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    opening = r'<svg \1 role="img" xmlns:xlink="http://www.w3.org/1999/xlink">'  # no size of its own: the page decides
    return re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', opening, svg, count=1)
