"""SMILES cut into the field's atom-wise tokens, so that a bracketed atom, `Cl` or a two-digit ring closure is one step.

Schwaller et al. 2018 (arXiv 1711.04810) made this division common. Joined tokens equal the input, always: what no token matches is
refused. The parts are those of the OpenSMILES specification.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from seqvae.data.splits import digest_of
from seqvae.data.vocabulary import VocabularyCodec
from seqvae.errors import DataError
from seqvae.modalities.molecule.parsing import canonical, parse
from seqvae.registry import register

TOKEN = re.compile(
    r"\[[^\[\]]+\]"  # an atom in brackets
    r"|Br|Cl|[BCNOPSFI]|[bcnops]|\*"  # an atom of the organic subset
    r"|%\(\d{1,5}\)|%\d{2}|\d"  # a ring closure
    r"|->|<-|[-=#$:/\\~]"  # a bond
    r"|[().]"  # a branch, a gap
)
HEAVY = re.compile(r"\[(?!\d*H\d*[+-]?\d*\])[^\[\]]+\]|Br|Cl|[BCNOPSFI]|[bcnops]")  # [2H] and [H+] are hydrogens


@register("tokenizer", "smiles")
class SmilesCodec(VocabularyCodec):
    """SMILES to ids of atom-wise tokens; the vocabulary is what occurs in the training records.

    Args:
        order: `canonical` has the model read and write molecules as they come; `random`, each with its atoms in an order drawn once
            (Bjerrum 2017, arXiv 1703.07076), and `decode` makes what it wrote canonical again.
    """

    kind, stem = "smiles", "tokens"

    def __init__(self, *, order: Literal["canonical", "random"] = "canonical") -> None:
        self.order = order
        super().__init__()

    @property
    def options(self) -> list[Any]:
        """The order of atoms."""
        return [self.order]

    def split(self, record: str) -> list[str]:
        """Tokens.

        Raises:
            DataError: there is none, or a character that no token matches.
        """
        return tokens(randomised(record) if self.order == "random" else record)

    def join(self, pieces: list[str]) -> str:
        """The tokens side by side; where records are in random order, the canonical form of that, if it has one."""
        smiles = "".join(pieces)
        return smiles if self.order == "canonical" else canonical(smiles) or smiles

    def units(self, record: str) -> int:
        """Heavy atoms."""
        return heavy_atoms(record)


def tokens(smiles: str) -> list[str]:
    """The tokens of a SMILES; joined they are the input.

    Raises:
        DataError: an empty string, or a character that no token matches.
    """
    found, end = [], 0
    for match in TOKEN.finditer(smiles):
        if match.start() != end:
            break
        found.append(match.group())
        end = match.end()
    if end != len(smiles) or not found:
        raise DataError(f"no SMILES: {smiles[end : end + 8]!r} at character {end + 1} begins no token" if smiles else "empty")
    return found


def heavy_atoms(smiles: str) -> int:
    """Atoms other than hydrogen, counted in the string."""
    return len(HEAVY.findall(smiles))


def randomised(smiles: str) -> str:
    """The same molecule with its atoms in another order, the same at every call.

    Raises:
        DataError: it is no molecule.
    """
    from rdkit import Chem

    molecule = parse(smiles)
    if molecule is None:
        raise DataError(f"{smiles!r:.60} is no molecule")
    return str(Chem.MolToRandomSmilesVect(molecule, 1, randomSeed=digest_of(smiles) % 2**31)[0])
