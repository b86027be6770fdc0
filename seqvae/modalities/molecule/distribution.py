"""How a set of molecules compares with another: the measures of MOSES (Polykovskiy et al. 2020, arXiv 1811.12823) and GuacaMol.

    SNN                 mean over generated molecules of the Tanimoto similarity to the nearest reference
    fragments           cosine of the two sets' counts of BRICS fragments (Degen et al. 2008)
    scaffolds           cosine of their counts of Bemis-Murcko scaffolds (1996) with two rings or more
    internal diversity  1 - mean Tanimoto similarity of all pairs of generated molecules, each with itself counted
    property distance   Wasserstein-1 distance of a property's two distributions, in the property's own unit

Fingerprints are Morgan's of radius 2 in 1,024 bits, as in MOSES.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rdkit.Chem import Mol

RADIUS, BITS = 2, 1024
MULTI_RING = 2  # scaffolds with fewer rings are too common to tell sets apart


def fingerprints(molecules: Iterable[Mol]) -> list[Any]:
    """RDKit's bit vectors."""
    from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

    generator = GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    return [generator.GetFingerprint(molecule) for molecule in molecules]


def nearest_neighbour(generated: Sequence[Any], references: Sequence[Any]) -> float:
    """SNN of fingerprints, 0 to 1."""
    from rdkit.DataStructs import BulkTanimotoSimilarity

    return float(np.mean([max(BulkTanimotoSimilarity(one, references)) for one in generated]))


def internal_diversity(generated: Sequence[Any]) -> float:
    """Of fingerprints, 0 to 1."""
    from rdkit.DataStructs import BulkTanimotoSimilarity

    return 1 - float(np.mean([np.mean(BulkTanimotoSimilarity(one, generated)) for one in generated]))


def fragments(molecule: Mol) -> list[str]:
    """The SMILES of a molecule's BRICS fragments; the molecule itself where nothing can be cut."""
    from rdkit.Chem import MolToSmiles
    from rdkit.Chem.rdmolops import FragmentOnBRICSBonds

    return str(MolToSmiles(FragmentOnBRICSBonds(molecule))).split(".")


def scaffold(molecule: Mol) -> list[str]:
    """The SMILES of its Bemis-Murcko scaffold, if that has two rings or more."""
    from rdkit.Chem import MolToSmiles
    from rdkit.Chem.Scaffolds.MurckoScaffold import GetScaffoldForMol

    found = GetScaffoldForMol(molecule)
    return [str(MolToSmiles(found))] if found.GetRingInfo().NumRings() >= MULTI_RING else []


def count_cosine(parts: Callable[[Mol], list[str]], generated: Iterable[Mol], references: Iterable[Mol]) -> float:
    """The cosine of two sets' counts of parts, 0 to 1; NaN where a set has no part at all."""
    ours, theirs = (Counter(part for molecule in molecules for part in parts(molecule)) for molecules in (generated, references))
    norms = [float(np.sqrt(sum(count**2 for count in counts.values()))) for counts in (ours, theirs)]
    if 0 in norms:
        return float("nan")
    return float(sum(count * theirs[part] for part, count in ours.items())) / (norms[0] * norms[1])


def wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    """Wasserstein-1 distance of two samples `[N]` and `[M]`: the area between their cumulative distributions."""
    values = np.sort(np.concatenate([a, b]))
    shares = [np.searchsorted(np.sort(sample), values[:-1], side="right") / len(sample) for sample in (a, b)]
    return float(np.sum(np.abs(shares[0] - shares[1]) * np.diff(values)))
