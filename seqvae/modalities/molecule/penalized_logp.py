"""Penalized logP, in every convention that published numbers use; they stand on different scales and cannot be compared.

    z-scored    (logP - m1)/s1 + (-SA - m2)/s2 + (-cycle - m3)/s3
    raw         logP - SA

cycle = max(0, longest ring - 6), the ring found in networkx's cycle basis. Means and deviations are those of the ZINC250k training
set as two code bases recorded them. logP: Wildman & Crippen 1999. SA: Ertl & Schuffenhauer 2009.

| name | used by |
|---|---|
| `penalized_logp_gcpn` | GCPN (You et al. 2018, arXiv 1806.02473) and its line; also called `penalized_logp` |
| `penalized_logp_weighted_retraining` | Tripp et al. 2020 (arXiv 2006.09191), LOL-BO, CoBO |
| `penalized_logp_raw` | JT-VAE's similarity-constrained task (Jin et al. 2018, arXiv 1802.04364); no ring term |
| `penalized_logp_limo` | LIMO (Eckmann et al. 2022, arXiv 2206.09010): logP - SA - number of rings larger than 6 |
| `penalized_logp_capped` | here: GCPN's, less 1 for each atom beyond a drug's size or a short chain |

All but the last can be gamed: each carbon of an alkane chain raises them, without end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqvae.modalities.molecule.synthetic_accessibility import synthetic_accessibility

if TYPE_CHECKING:
    from rdkit.Chem import Mol

LARGEST_ALLOWED_RING = 6
MOST_ATOMS = 38  # heavy atoms of the largest molecule in ZINC250k
LONGEST_CHAIN = 8  # carbons in a row outside rings; 3 of 10,000 molecules in ZINC250k have more


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of logP, of -SA and of -cycle over a training set."""

    logp: tuple[float, float]
    minus_sa: tuple[float, float]
    minus_cycle: tuple[float, float]

    def z_scored(self, molecule: Mol) -> float:
        """The sum of the three z-scores."""
        terms = (logp(molecule), -synthetic_accessibility(molecule), -cycle_excess(molecule))
        moments = (self.logp, self.minus_sa, self.minus_cycle)
        return sum((term - mean) / deviation for term, (mean, deviation) in zip(terms, moments, strict=True))


GCPN = Moments(
    (2.4570953396190123, 1.434324401111988),
    (-3.0525811293166134, 0.8335207024513095),
    (-0.0485696876403053, 0.2860212110245455),
)
WEIGHTED_RETRAINING = Moments((2.45777691, 1.43341767), (-3.05352042, 0.83460587), (-0.04861121, 0.28746695))


def logp(molecule: Mol) -> float:
    """log10 of the octanol-water partition coefficient, by Wildman and Crippen's atom contributions."""
    from rdkit.Chem.rdMolDescriptors import CalcCrippenDescriptors

    return float(CalcCrippenDescriptors(molecule)[0])


def raw(molecule: Mol) -> float:
    """logP - SA."""
    return logp(molecule) - synthetic_accessibility(molecule)


def limo(molecule: Mol) -> float:
    """logP - SA - the number of rings larger than 6, in RDKit's smallest set of smallest rings."""
    return raw(molecule) - sum(len(ring) > LARGEST_ALLOWED_RING for ring in molecule.GetRingInfo().AtomRings())


def capped(molecule: Mol) -> float:
    """GCPN's penalized logP less 1 for each heavy atom beyond 38 and each carbon beyond 8 of the longest chain.

    A methylene in a chain adds about 0.3 to the z-scores, so a chain or a molecule that grows past the caps only loses.
    """
    beyond = max(0, molecule.GetNumHeavyAtoms() - MOST_ATOMS) + max(0, longest_chain(molecule) - LONGEST_CHAIN)
    return GCPN.z_scored(molecule) - beyond


def cycle_excess(molecule: Mol) -> int:
    """How far the longest ring of networkx's cycle basis is beyond 6 atoms, or 0."""
    import networkx
    from rdkit.Chem import GetAdjacencyMatrix

    if molecule.GetRingInfo().NumRings() == 0:
        return 0
    rings = networkx.cycle_basis(networkx.Graph(GetAdjacencyMatrix(molecule)))
    return max(0, max(map(len, rings)) - LARGEST_ALLOWED_RING)


def longest_chain(molecule: Mol) -> int:
    """Carbons on the longest path of bonded carbons outside rings."""
    outside = {a.GetIdx(): a for a in molecule.GetAtoms() if a.GetAtomicNum() == 6 and not a.IsInRing()}
    bonded = {i: [n.GetIdx() for n in atom.GetNeighbors() if n.GetIdx() in outside] for i, atom in outside.items()}
    longest, unseen = 0, set(outside)
    while unseen:
        tree = _reached(bonded, next(iter(unseen)))  # no rings, so each component is a tree: two sweeps find its diameter
        unseen -= tree.keys()
        end = max(tree, key=tree.__getitem__)
        longest = max(longest, max(_reached(bonded, end).values()))
    return longest


def _reached(bonded: dict[int, list[int]], start: int) -> dict[int, int]:
    """Atoms on the path from `start` to each atom that can be reached, both ends counted."""
    count, frontier = {start: 1}, [start]
    for atom in frontier:
        for neighbour in bonded[atom]:
            if neighbour not in count:
                count[neighbour] = count[atom] + 1
                frontier.append(neighbour)
    return count
