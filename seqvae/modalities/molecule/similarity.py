"""Similarity of molecules: Tanimoto over Morgan fingerprints of radius 2 in 2,048 bits (Rogers & Hahn 2010), as in JT-VAE."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seqvae.modalities.molecule.parsing import parse

if TYPE_CHECKING:
    from rdkit.Chem import Mol

RADIUS, BITS = 2, 2048


def tanimoto(a: Sequence[str], b: Sequence[str]) -> np.ndarray:
    """Similarities `[N]` of pairs of SMILES, 0 to 1; NaN where either is no molecule.

    Raises:
        ValueError: the two have different lengths.
    """
    from rdkit.DataStructs import TanimotoSimilarity

    pairs = zip(map(parse, a), map(parse, b), strict=True)
    return np.array(
        [float("nan") if one is None or two is None else TanimotoSimilarity(morgan(one), morgan(two)) for one, two in pairs],
        np.float64,
    )


def morgan(molecule: Mol) -> Any:
    """RDKit's bit vector of a molecule."""
    return _generator().GetFingerprint(molecule)


@cache
def _generator() -> Any:
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    return GetMorganGenerator(radius=RADIUS, fpSize=BITS)
