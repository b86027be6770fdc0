"""Improve a molecule and stay near it: JT-VAE's 800 molecules at four similarities (Jin et al. 2018, arXiv 1802.04364).

Property: logP - SA, not z-scored, no ring term. Similarity: Tanimoto over Morgan fingerprints of radius 2, unfolded and with
counts. A molecule succeeds if what comes out differs from it; improvement is averaged over successes. Two ways to choose along a
path:

    furthest   JT-VAE's: the greedy decode of the furthest point that is still similar; the real property chooses nothing
    judged     the best by the real property, its calls counted, of the greedy and sampled decodes of several points
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqvae.errors import DataError
from seqvae.explore import starts
from seqvae.explore.optimizer import LatentOptimizer
from seqvae.explore.oracle import Oracle
from seqvae.vae import SeqVAE

PROPERTY = "penalized_logp_raw"
STEPS = 80  # as JT-VAE
FILE = "molecules/zinc800_logp_sa.txt"


@dataclass(frozen=True)
class Setting:
    """One similarity and one way to choose."""

    similarity: float
    choice: str
    points: int
    draws: int

    @property
    def name(self) -> str:
        """Names the result's file."""
        return f"similar-{self.similarity:g}-{self.choice}"


SETTINGS = [Setting(similarity, *way) for way in (("furthest", 1, 0), ("judged", 8, 4)) for similarity in (0.0, 0.2, 0.4, 0.6)]


def molecules(limit: int | None) -> list[tuple[str, float]]:
    """SMILES and stored logP - SA."""
    root = os.environ.get("SEQVAE_DATA")
    if root is None or not (Path(root) / FILE).is_file():
        raise DataError(f"{FILE} is not there; set SEQVAE_DATA to the folder that has it")
    lines = (Path(root) / FILE).read_text("utf-8").splitlines()[:limit]
    return [(smiles, float(value)) for smiles, value in (line.split() for line in lines)]


def measure(vae: SeqVAE, setting: Setting, limit: int | None) -> dict[str, Any]:
    """Every molecule's outcome."""
    begin = time.perf_counter()
    given = molecules(limit)
    optimizer = LatentOptimizer(
        vae, {PROPERTY: 1.0}, steps=STEPS, similarity=setting.similarity, points=setting.points, draws=setting.draws
    )
    oracle = Oracle({PROPERTY: vae.modality.property_function(PROPERTY)})
    found = optimizer.run(starts.from_records(vae, [vae.modality.parse(smiles) for smiles, _ in given]), oracle, seed=0)
    return {
        "protocol": "similar",
        "setting": asdict(setting),
        "count": len(given),
        "oracle_calls": found.oracle_calls,
        "seconds": round(time.perf_counter() - begin, 1),
        "outcomes": [asdict(optimum) for optimum in found.optima],
    }
