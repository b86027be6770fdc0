"""The paths of an optimisation, on the plane in which all their points spread most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqvae.cli.report.ink import PRINTED, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

MOST = 400  # paths drawn; more is a blot


def draw_paths(paths: Tensor) -> Figure:
    """Each path as a line from a ring, its start, to a dot, its end; the first `MOST` of them.

    Args:
        paths: `[steps+1,N,*event]`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    from seqvae.explore.latent_map import latent_map

    shown = paths[:, :MOST]
    plane = latent_map(shown.flatten(0, 1))
    places = plane.coordinates.view(*shown.shape[:2], 2).numpy()  # [steps+1,N,2]
    with matplotlib.rc_context(style(PRINTED, 8.5)):
        figure = Figure(figsize=(5.4, 4.6), layout="constrained", facecolor=PRINTED.paper)
        axes = figure.add_subplot()
        for number in range(places.shape[1]):
            axes.plot(places[:, number, 0], places[:, number, 1], color=PRINTED.first, linewidth=0.6, alpha=0.6)
        axes.scatter(places[0, :, 0], places[0, :, 1], 14, facecolors="none", edgecolors=PRINTED.aside, linewidths=0.8)
        axes.scatter(places[-1, :, 0], places[-1, :, 1], 10, PRINTED.second, linewidths=0, zorder=3)
        across, up = (f"{100 * share:.0f} % of the spread" for share in plane.explained)
        axes.set(xticks=[], yticks=[], xlabel=across, ylabel=up)
    return figure
