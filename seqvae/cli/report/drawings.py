"""The figures: learning curves, rate per dimension, and the map of the latent space. Each draws a study onto given axes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from seqvae.cli.report.ink import PRINTED, THEMED, Ink, style, to_svg
from seqvae.cli.report.study import Study, Walk

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

MINUS = "\N{MINUS SIGN}"
TYPE = 8.5  # points, in figures that a narrow screen shows at about their own size
Draw = Callable[[Any, Study, Ink], None]


def learning_curves(axes: Axes, study: Study, ink: Ink) -> None:
    """-ELBO and distortion at each validation; the band between them is the rate."""
    lines = [line for line in study.history if line["kind"] == "valid"]
    steps = [line["step"] for line in lines]
    bound = [-line["elbo_nats"] for line in lines]
    distortion = [line["distortion_nats"] for line in lines]
    axes.fill_between(steps, distortion, bound, color=ink.second, alpha=0.18, linewidth=0)
    axes.plot(steps, bound, color=ink.first, linewidth=1.6)
    axes.plot(steps, distortion, color=ink.second, linewidth=1.1)
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("nats per sequence")
    axes.grid(axis="y")
    axes.margins(x=0.02)
    low, high = min(distortion), max(bound)
    axes.set_ylim(low - 0.12 * (high - low), high + 0.05 * (high - low))
    _label_end(axes, steps[-1], bound[-1], f"{MINUS}ELBO {bound[-1]:.1f}", ink.first, above=True)
    _label_end(axes, steps[-1], distortion[-1], f"distortion {distortion[-1]:.1f}", ink.second, above=False)


def rate_per_dimension(axes: Axes, study: Study, ink: Ink) -> None:
    """The rate of every latent dimension, largest first, and the floor under it."""
    rates = sorted(study.rates, reverse=True)
    axes.bar(range(1, len(rates) + 1), rates, color=ink.first, width=0.72)
    if study.floor is not None:
        axes.axhline(study.floor, color=ink.second, linewidth=1.1)
        _label_end(axes, len(rates) + 0.4, study.floor, f"{study.floor:g} for nothing", ink.second, above=True)
    axes.set_xlabel("latent dimension, largest rate first")
    axes.set_ylabel("nats")
    axes.set_xlim(0.3, len(rates) + 0.7)
    axes.grid(axis="y")


def latent_map(axes: Axes, study: Study, ink: Ink, shown: Collection[int] = range(1, 10)) -> None:
    """Where test records lie on the map, coloured by length. Those named carry their number, if it is among the `shown`."""
    from matplotlib.colors import LinearSegmentedColormap

    short_to_long = LinearSegmentedColormap.from_list("lengths", ["#4fb3bf", "#3a7ca5", "#b5687d", "#e07a3f"])
    longest = np.quantile(study.sizes, 0.98)  # a few very long ones must not make all others alike
    dots = axes.scatter(
        study.places[:, 0], study.places[:, 1], 5, study.sizes, cmap=short_to_long, vmax=longest, alpha=0.7, linewidths=0
    )
    for walk in study.walks:
        axes.plot(walk.places[:, 0], walk.places[:, 1], color=ink.text, linewidth=0.7, marker="o", markersize=1.8)
    for number, row in [(n, row) for n, row in enumerate(study.named, start=1) if n in shown]:
        x, y = study.places[row]
        axes.scatter(x, y, 62, ink.paper, edgecolors=ink.text, linewidths=0.8, zorder=3)
        axes.text(x, y, str(number), ha="center", va="center_baseline", color=ink.text, fontweight="bold", zorder=4)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    first, second = (f"{share:.0%} of the variance" for share in study.explained)
    axes.set_xlabel(first)
    axes.set_ylabel(second)
    axes.set_aspect("equal", adjustable="datalim")
    bar = axes.figure.colorbar(dots, ax=axes, orientation="horizontal", fraction=0.025, pad=0.02, aspect=60)
    bar.set_label(f"length in {study.unit}s")
    bar.outline.set_visible(False)


FIGURES: dict[str, tuple[Draw, float, float]] = {  # how, width and height in inches
    "learning": (learning_curves, 4.2, 2.7),
    "rates": (rate_per_dimension, 4.2, 2.7),
    "map": (latent_map, 4.6, 4.1),
}


def figures(study: Study) -> dict[str, str]:
    """Every figure of a study as an SVG element."""
    import matplotlib
    from matplotlib.figure import Figure

    drawn = {}
    for name, (draw, width, height) in FIGURES.items():
        with matplotlib.rc_context(style(THEMED, TYPE)):
            figure = Figure(figsize=(width, height), layout="constrained")
            draw(figure.add_subplot(), study, THEMED)
            drawn[name] = to_svg(figure, f"{study.name}-{name}")
    return drawn


def write_overview(study: Study, path: Path) -> None:
    """One picture of a study: learning curves and rates at the left, the map at the right, below what the walks across it meet."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**style(PRINTED, 8), "figure.facecolor": PRINTED.paper}):
        figure = Figure(figsize=(9.6, 6.6), layout="constrained")
        halves: Any = figure.subfigures(2, 1, height_ratios=(0.76, 0.24))
        panels: Any = halves[0].subplot_mosaic([["curves", "map"], ["rates", "map"]], width_ratios=(0.42, 0.58))
        learning_curves(panels["curves"], study, PRINTED)
        rate_per_dimension(panels["rates"], study, PRINTED)
        latent_map(panels["map"], study, PRINTED, {end for walk in study.walks for end in (walk.start, walk.end)})
        panels["curves"].set_title(f"Learning, on {study.records} held out", loc="left")
        panels["rates"].set_title("What each latent dimension tells", loc="left")
        panels["map"].set_title(f"A map of the latent space: {len(study.places)} unseen {study.records}", loc="left")
        for number, walk in enumerate(study.walks):
            if study.paint is None:
                _tell(halves[1], walk, 0.055 + 0.415 * number)
            else:
                _show(halves[1], walk, study.paint, 0.5 - 0.5 * number)
        figure.savefig(path, dpi=200)


def _tell(panel: Any, walk: Walk, x: float) -> None:
    """What a walk says, step by step, from `x` (0 to 1) on."""
    lines = [f"Decoded on the way from {walk.start} to {walk.end}", *map(_shortened, walk.records)]
    for row, line in enumerate(lines):
        colour = PRINTED.text if row else PRINTED.aside
        panel.text(x, 0.97 - 0.105 * row, line, va="top", color=colour)


def _show(panel: Any, walk: Walk, paint: Callable[[Any, Any, str], None], y: float) -> None:
    """What a walk draws, step by step, in a row whose lower edge is at `y` (0 to 1)."""
    title = f"Decoded on the\nway from {walk.start} to {walk.end}"
    panel.text(0.055, y + 0.24, title, va="center", color=PRINTED.aside)
    width = 0.8 / len(walk.records)
    for column, record in enumerate(walk.records):
        axes = panel.add_axes((0.18 + column * width, y, 0.9 * width, 0.48))
        axes.set_axis_off()
        paint(axes, record, PRINTED.text)


def _shortened(record: Any, width: int = 66) -> str:
    text = record if isinstance(record, str) else str(record)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def _label_end(axes: Axes, x: float, y: float, text: str, colour: str, *, above: bool) -> None:
    side, lift = ("bottom", 4) if above else ("top", -4)
    axes.annotate(text, (x, y), (0, lift), textcoords="offset points", ha="right", va=side, color=colour)
