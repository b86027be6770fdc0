"""Similarity of molecules: Tanimoto over Morgan fingerprints of radius 2 (Rogers & Hahn 2010), unfolded and with counts.

    T(a, b) = sum_e min(a_e, b_e) / sum_e max(a_e, b_e),  a_e how often molecule a has the environment e

So JT-VAE's task measures it (Jin et al. 2018, arXiv 1802.04364). Bits, folded to some length, would say other numbers: that a
chain of six carbons and one of eight have the same environments, say, and not that the one has fewer of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seqvae.modalities.molecule.parsing import parse

if TYPE_CHECKING:
    from rdkit.Chem import Mol

RADIUS = 2


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
    """RDKit's counts of a molecule's environments."""
    return _generator().GetSparseCountFingerprint(molecule)


@cache
def _generator() -> Any:
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    return GetMorganGenerator(radius=RADIUS)
