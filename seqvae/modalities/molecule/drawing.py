"""Structures as pictures, drawn by RDKit: one as SVG for a page, many as a grid in an SVG or PNG file."""

from __future__ import annotations

import html
import io
import re
import textwrap
from collections.abc import Sequence
from typing import Any

from seqvae.modalities.molecule.parsing import parse

WIDTH, HEIGHT = 220, 160  # pixels of one structure
PROLOG = re.compile(r"<\?xml[^>]*\?>\s*")
LEGEND = 34  # characters that fit under a structure
LINE, LINES = 14, 4  # characters and lines that fit in the place of one


def svg(smiles: str) -> str:
    """One structure as an SVG element; where the string is no molecule, the string itself as HTML."""
    from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DSVG, PrepareAndDrawMolecule

    molecule = parse(smiles)
    if molecule is None:
        return f"<code>{html.escape(smiles) or '(empty)'}</code>"
    drawer = MolDraw2DSVG(WIDTH, HEIGHT)
    drawer.drawOptions().clearBackground = False  # type: ignore[assignment]  # RDKit's stub takes the options for their owner
    PrepareAndDrawMolecule(drawer, molecule)
    drawer.FinishDrawing()
    return PROLOG.sub("", str(drawer.GetDrawingText()))


def grid(tiles: Sequence[tuple[str, str]], columns: int, suffix: str) -> bytes:
    """Structures side by side; what is no molecule leaves its place empty over its caption.

    Args:
        tiles: SMILES with captions, at least one, row by row.
        columns: structures a row, at least 1.
        suffix: `.svg` or `.png`.
    """
    from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DCairo, MolDraw2DSVG

    rows = -(-len(tiles) // columns)
    kind = {".svg": MolDraw2DSVG, ".png": MolDraw2DCairo}[suffix]
    drawer = kind(columns * WIDTH, rows * HEIGHT, WIDTH, HEIGHT)
    molecules = [parse(smiles) for smiles, _ in tiles]
    drawer.DrawMolecules(molecules, legends=[f"{caption:.{LEGEND}}" for _, caption in tiles])
    drawer.FinishDrawing()
    drawn = drawer.GetDrawingText()
    return drawn.encode() if isinstance(drawn, str) else bytes(drawn)


def paint(axes: Any, smiles: str) -> None:
    """One structure onto matplotlib axes; the string itself where it is no molecule."""
    from matplotlib import image

    axes.set_axis_off()
    if parse(smiles) is None:
        lines = textwrap.wrap(smiles, LINE, max_lines=LINES, placeholder="…") or ["(empty)"]
        axes.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", fontsize="xx-small", transform=axes.transAxes)
        return
    axes.imshow(image.imread(io.BytesIO(grid([(smiles, "")], 1, ".png"))))
