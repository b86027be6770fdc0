"""Structures as pictures, drawn by RDKit."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from seqvae.modalities.molecule.parsing import parse

WIDTH, HEIGHT = 220, 160  # pixels of one structure
PROLOG = re.compile(r"<\?xml[^>]*\?>\s*")


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


def grid(molecules: Sequence[str], columns: int = 4, captions: Sequence[str] | None = None) -> str:
    """Structures side by side as one SVG document; what is no molecule leaves its place empty under its caption.

    Args:
        molecules: SMILES, at least one.
        columns: structures a row, at least 1.
        captions: a line under each; the SMILES themselves unless given.
    """
    from rdkit.Chem.Draw import MolsToGridImage

    legends = [f"{caption:.60}" for caption in (molecules if captions is None else captions)]
    drawn = MolsToGridImage(
        [parse(smiles) for smiles in molecules],
        molsPerRow=min(columns, len(molecules)),
        subImgSize=(WIDTH, HEIGHT),
        legends=legends,
        useSVG=True,
    )
    return str(drawn)
