"""SMILES to RDKit molecules and back, without RDKit's own messages: what is wrong is said by whoever asked.

SMILES: Weininger 1988, J. Chem. Inf. Comput. Sci. 28, 31. RDKit is loaded on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Mol


@contextmanager
def quiet() -> Iterator[None]:
    """RDKit says nothing inside."""
    from rdkit import rdBase

    with rdBase.BlockLogs():
        yield


def parse(smiles: str) -> Mol | None:
    """The molecule, or None where the string is none: bad syntax, impossible valences, or no atom at all."""
    from rdkit import Chem

    with quiet():
        molecule = Chem.MolFromSmiles(smiles)
    return molecule if molecule is not None and molecule.GetNumAtoms() else None


def canonical(smiles: str) -> str | None:
    """RDKit's canonical isomeric SMILES, stereo kept: equal for equal molecules. None where the string is no molecule."""
    from rdkit import Chem

    molecule = parse(smiles)
    return None if molecule is None else str(Chem.MolToSmiles(molecule))
