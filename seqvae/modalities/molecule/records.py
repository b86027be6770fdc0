"""What a molecule's record is: its canonical isomeric SMILES, so that one molecule is one record however it was written.

Whatever else a string may be is named: `no molecule`, an impossible valence, several fragments.
"""

from __future__ import annotations

from typing import Literal

from seqvae.errors import DataError
from seqvae.modalities.molecule.parsing import quiet

Fragments = Literal["reject", "largest"]
SHOWN = 60  # characters of a string that a message repeats


def to_record(text: str, fragments: Fragments = "reject") -> str:
    """The canonical isomeric SMILES of what `text` spells.

    Args:
        text: a SMILES; surrounding white space does not matter.
        fragments: what to do with a molecule in several pieces (a salt, a mixture): refuse it, or keep the piece with the most
            heavy atoms (by SMILES where several have).

    Raises:
        DataError: it is no molecule; says why.
    """
    from rdkit import Chem

    smiles = text.strip()
    with quiet():
        molecule = None if len(smiles.split()) > 1 else Chem.MolFromSmiles(smiles)
        if molecule is None:
            raise DataError(_why(smiles))
    if molecule.GetNumAtoms() == 0:
        raise DataError("an empty string has no atoms")
    record = str(Chem.MolToSmiles(molecule))
    if "." not in record:
        return record
    if fragments == "reject":
        count = record.count(".") + 1
        raise DataError(
            f"{count} fragments ({record:.{SHOWN}}); give one molecule, or modality.fragments=largest keeps the largest"
        )
    pieces = Chem.GetMolFrags(molecule, asMols=True)
    return max(((piece.GetNumHeavyAtoms(), str(Chem.MolToSmiles(piece))) for piece in pieces), key=lambda piece: piece)[1]


def _why(smiles: str) -> str:
    """Why RDKit makes no molecule of a string."""
    from rdkit import Chem

    if len(smiles.split()) > 1:
        return f"{smiles!r:.{SHOWN}} holds white space; a SMILES has none"
    raw = Chem.MolFromSmiles(smiles, sanitize=False)
    if raw is None:
        return f"{smiles!r:.{SHOWN}} is no SMILES"
    problems = Chem.DetectChemistryProblems(raw)
    return f"{smiles!r:.{SHOWN}} is no molecule: {problems[0].Message() if problems else 'RDKit cannot sanitise it'}"
