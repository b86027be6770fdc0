from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from seqvae.modalities.molecule import distribution
from seqvae.modalities.molecule.filters import passes, substructures
from seqvae.modalities.molecule.parsing import parse

samples = st.lists(st.floats(-100, 100), min_size=1, max_size=20).map(np.array)


@given(samples, samples)
def test_wasserstein_against_scipy(a: np.ndarray, b: np.ndarray) -> None:
    assert distribution.wasserstein(a, b) == pytest.approx(wasserstein_distance(a, b), abs=1e-9)


def test_a_set_is_next_to_itself() -> None:
    molecules = [parse(smiles) for smiles in ("CCO", "c1ccc2ccccc2c1", "CC(=O)Nc1ccc(O)cc1")]
    prints = distribution.fingerprints(molecules)
    assert distribution.nearest_neighbour(prints, prints) == 1
    assert distribution.internal_diversity(prints[:1]) == 0
    assert distribution.count_cosine(distribution.fragments, molecules, molecules) == pytest.approx(1)


def test_similarities_by_hand() -> None:
    """Ethane and propane share 1 of 5 environments: pairs are 1, 1, 1/5, 1/5."""
    ethane, propane = distribution.fingerprints([parse("CC"), parse("CCC")])
    assert distribution.nearest_neighbour([ethane], [propane]) == pytest.approx(0.2)
    assert distribution.internal_diversity([ethane, propane]) == pytest.approx(1 - 2.4 / 4)


def test_parts_and_their_cosine_by_hand() -> None:
    assert distribution.scaffold(parse("Cc1ccc(-c2ccccc2)cc1")) == ["c1ccc(-c2ccccc2)cc1"]
    assert distribution.scaffold(parse("Cc1ccccc1")) == []
    assert distribution.fragments(parse("CC")) == ["CC"]
    assert len(distribution.fragments(parse("CCC(=O)NCc1ccccc1"))) > 1
    ours, theirs = [parse("C"), parse("C"), parse("O")], [parse("C"), parse("N")]
    assert distribution.count_cosine(distribution.fragments, ours, theirs) == pytest.approx(2 / (5**0.5 * 2**0.5))
    assert np.isnan(distribution.count_cosine(distribution.scaffold, ours, theirs))


def test_moses_own_molecules(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were chosen by the filters, so all pass; and MOSES reports an internal diversity of 0.857 for its training set."""
    monkeypatch.setenv("SEQVAE_DATA", str(real_data))
    with gzip.open(real_data / "molecules" / "moses_test.csv.gz", "rt") as stream:
        molecules = [parse(row["SMILES"]) for row in list(csv.DictReader(stream))[::600]]
    unwanted = substructures()
    assert unwanted is not None
    assert len(unwanted) > 490
    assert all(passes(molecule, unwanted) for molecule in molecules[:60])
    assert distribution.internal_diversity(distribution.fingerprints(molecules)) == pytest.approx(0.857, abs=6e-3)


def test_what_filters_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQVAE_DATA", raising=False)
    assert substructures() is None
    found = {smiles: passes(parse(smiles), ()) for smiles in ("CCO", "C[NH3+]", "CBr", "CI", "C1CCCCCC1", "C1CCCCCCC1")}
    assert found == {"CCO": True, "C[NH3+]": False, "CBr": True, "CI": False, "C1CCCCCC1": True, "C1CCCCCCC1": False}
    assert not passes(parse("CC(=O)C#N"), (parse("C#N"),))
