"""What can be computed of a molecule, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqvae.data.computed import PropertyFunction
from seqvae.errors import ConfigError, nearest
from seqvae.modalities.molecule import penalized_logp
from seqvae.modalities.molecule.parsing import parse
from seqvae.modalities.molecule.synthetic_accessibility import synthetic_accessibility

if TYPE_CHECKING:
    from rdkit.Chem import Mol


@dataclass(frozen=True)
class Property:
    """One number of a molecule: its unit, what it means, and how it is computed."""

    unit: str
    meaning: str
    of: Callable[[Mol], float]


def _qed(molecule: Mol) -> float:
    from rdkit.Chem.QED import qed

    return float(qed(molecule))


def _weight(molecule: Mol) -> float:
    from rdkit.Chem.Descriptors import MolWt  # type: ignore[attr-defined]  # RDKit names it at run time

    return float(MolWt(molecule))


def _rings(molecule: Mol) -> float:
    return float(molecule.GetRingInfo().NumRings())


def _aromatic_rings(molecule: Mol) -> float:
    from rdkit.Chem.rdMolDescriptors import CalcNumAromaticRings

    return float(CalcNumAromaticRings(molecule))


def _polar_surface(molecule: Mol) -> float:
    from rdkit.Chem.rdMolDescriptors import CalcTPSA

    return float(CalcTPSA(molecule))


_ZINC = "z-scores over ZINC250k"

PROPERTIES: dict[str, Property] = {
    "logp": Property("log10", "octanol-water partition coefficient (Wildman & Crippen 1999)", penalized_logp.logp),
    "qed": Property("0 to 1", "quantitative estimate of drug-likeness (Bickerton et al. 2012)", _qed),
    "sa": Property("1 to 10", "synthetic accessibility, 1 the easiest (Ertl & Schuffenhauer 2009)", synthetic_accessibility),
    "weight": Property("g/mol", "molecular weight, hydrogens counted", _weight),
    "heavy_atoms": Property("atoms", "atoms other than hydrogen", lambda molecule: float(molecule.GetNumHeavyAtoms())),
    "rings": Property("rings", "in the smallest set of smallest rings", _rings),
    "aromatic_rings": Property("rings", "of these, aromatic", _aromatic_rings),
    "tpsa": Property("square angstrom", "topological polar surface area (Ertl et al. 2000)", _polar_surface),
    "cycle": Property("atoms", "how far the longest ring is beyond six atoms", lambda m: float(penalized_logp.cycle_excess(m))),
    "longest_chain": Property("carbons", "the longest chain outside rings", lambda m: float(penalized_logp.longest_chain(m))),
    "penalized_logp_gcpn": Property(_ZINC, "logP, SA and cycle with GCPN's constants", penalized_logp.GCPN.z_scored),
    "penalized_logp_weighted_retraining": Property(
        _ZINC, "logP, SA and cycle with weighted retraining's constants", penalized_logp.WEIGHTED_RETRAINING.z_scored
    ),
    "penalized_logp_raw": Property("log10", "logP - SA, as in JT-VAE's constrained task", penalized_logp.raw),
    "penalized_logp_limo": Property("log10", "logP - SA - rings larger than 6, as in LIMO", penalized_logp.limo),
    "penalized_logp_capped": Property(_ZINC, "GCPN's, less 1 for each atom beyond the caps", penalized_logp.capped),
}
ALIASES = {"penalized_logp": "penalized_logp_gcpn", "sas": "sa"}


def property_function(name: str) -> PropertyFunction:
    """The function that computes a property of many SMILES: `[N]` float64, NaN where one is no molecule.

    Args:
        name: one of `PROPERTIES` or `ALIASES`; case does not matter.

    Raises:
        ConfigError: no such property; the message suggests the nearest.
    """
    known = ALIASES.get(name.lower(), name.lower())
    if known not in PROPERTIES:
        raise ConfigError(f"molecules have no property {name!r}; {nearest(known, PROPERTIES)}")
    of = PROPERTIES[known].of
    return lambda molecules: np.array([_of(parse(smiles), of) for smiles in molecules], np.float64)


def _of(molecule: Mol | None, of: Callable[[Mol], float]) -> float:
    return float("nan") if molecule is None else of(molecule)
