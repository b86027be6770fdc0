"""The report card's part on generated molecules; each measure is defined where it is computed.

As in MOSES (Polykovskiy et al. 2020, arXiv 1811.12823), all valid samples are compared, each as often as it was drawn: a model that
writes one molecule over and over must not look diverse. MOSES compares them with the whole of its test set; here the references are
at most 10,000 drawn from the split, and counted, because the similarity to the nearest of them grows with their number.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqvae.modalities.molecule.distribution import (
    count_cosine,
    fingerprints,
    fragments,
    internal_diversity,
    nearest_neighbour,
    scaffold,
    wasserstein,
)
from seqvae.modalities.molecule.filters import passes, substructures
from seqvae.modalities.molecule.parsing import canonical, parse
from seqvae.modalities.molecule.properties import PROPERTIES

REFERENCES = 10_000  # at most: SNN costs the product of both sets
DISTANCES = ("logp", "sa", "qed", "weight")  # the four that MOSES compares


def generation_metrics(
    samples: Sequence[str], references: Sequence[str], training: Sequence[str] | None, seed: int = 0
) -> dict[str, Any]:
    """Every measure of `samples`, which may be no molecules, against real ones; absent where there is nothing to measure.

    Args:
        samples: generated SMILES.
        references: SMILES of molecules, of the split that is judged.
        training: SMILES of the molecules trained on, or None.
        seed: of the references drawn, where there are more than 10,000.

    Returns:
        `validity` of all samples; `uniqueness` of the valid ones; `novelty` of the distinct ones; the number of `references`; and
        of the valid samples, repeats among them, what `distribution` and `filters` define.
    """
    written = {text: canonical(text) for text in dict.fromkeys(samples)}
    valid = [form for text in samples if (form := written[text]) is not None]
    metrics: dict[str, Any] = {"validity": len(valid) / len(samples)}
    distinct = list(dict.fromkeys(valid))
    if not distinct:
        return metrics
    metrics["uniqueness"] = len(distinct) / len(valid)
    if training is not None:
        metrics["novelty"] = len(set(distinct) - set(training)) / len(distinct)
    drawn = np.random.default_rng(seed).permutation(len(references))[:REFERENCES]
    return metrics | {"references": len(drawn)} | _compared(valid, [references[row] for row in drawn.tolist()])


def _compared(generated: list[str], references: list[str]) -> dict[str, Any]:
    ours, theirs = ([m for m in map(parse, molecules) if m is not None] for molecules in (generated, references))
    own, other = fingerprints(ours), fingerprints(theirs)
    metrics: dict[str, Any] = {
        "snn": nearest_neighbour(own, other),
        "fragments": count_cosine(fragments, ours, theirs),
        "scaffolds": count_cosine(scaffold, ours, theirs),
        "internal_diversity": internal_diversity(own),
    }
    unwanted = substructures()
    if unwanted is not None:
        metrics["filters"] = float(np.mean([passes(molecule, unwanted) for molecule in ours]))
    metrics["property_distances"] = {
        name: wasserstein(*(np.array([PROPERTIES[name].of(molecule) for molecule in molecules]) for molecules in (ours, theirs)))
        for name in DISTANCES
    }
    if importlib.util.find_spec("fcd_torch") is not None:
        metrics["fcd"] = _frechet(generated, references)
    return {name: value for name, value in metrics.items() if value == value}


def _frechet(generated: list[str], references: list[str]) -> float:
    """The Frechet ChemNet distance (Preuer et al. 2018, arXiv 1803.09518), by the `fcd` extra; lower is nearer."""
    from fcd_torch import FCD

    return float(FCD(device="cpu", n_jobs=1)(gen=generated, ref=references))
