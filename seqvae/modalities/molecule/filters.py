"""The filters of MOSES (Polykovskiy et al. 2020): does a molecule look like one that a medicinal chemist would keep?

A molecule passes with rings of fewer than eight atoms, no charged atom, no element but C, N, S, O, F, Cl, Br and H, and none of the
substructures that the two lists name: medicinal chemistry filters (22) and PAINS of the Walter and Eliza Hall Institute (some 480).
The lists are MOSES's own files; they do not ship, and `SEQVAE_DATA` says where they are.
"""

from __future__ import annotations

import csv
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seqvae.modalities.molecule.parsing import quiet

if TYPE_CHECKING:
    from rdkit.Chem import Mol

FILES = {"moses_mcf.csv": 1, "moses_wehi_pains.csv": 0}  # and in which column the SMARTS stand
ELEMENTS = frozenset({"C", "N", "S", "O", "F", "Cl", "Br", "H"})
LARGEST_RING = 7


def substructures() -> tuple[Mol, ...] | None:
    """The substructures of both lists; None where `SEQVAE_DATA` does not hold them."""
    root = os.environ.get("SEQVAE_DATA")
    folder = Path(root).expanduser() / "molecules" if root else None
    if folder is None or not all((folder / name).is_file() for name in FILES):
        return None
    return _read(folder)


def passes(molecule: Mol, unwanted: tuple[Mol, ...]) -> bool:
    """Whether a molecule passes; `unwanted` as `substructures` gives them."""
    from rdkit.Chem import AddHs

    if any(len(ring) > LARGEST_RING for ring in molecule.GetRingInfo().AtomRings()):
        return False
    if any(atom.GetFormalCharge() or atom.GetSymbol() not in ELEMENTS for atom in molecule.GetAtoms()):
        return False
    whole = AddHs(molecule)
    return not any(whole.HasSubstructMatch(pattern) for pattern in unwanted)


@cache
def _read(folder: Path) -> tuple[Mol, ...]:
    from rdkit.Chem import MolFromSmarts

    patterns = []
    for name, column in FILES.items():
        with open(folder / name, encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.reader(stream) if row]
        with quiet():
            patterns += [pattern for row in rows if (pattern := MolFromSmarts(row[column].strip())) is not None]
    return tuple(patterns)
