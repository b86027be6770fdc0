from __future__ import annotations

import pytest

from seqvae.definitions import DEFINITIONS
from seqvae.modalities.molecule.metrics import generation_metrics

REAL = ["CCO", "CCN", "c1ccc(-c2ccccc2)cc1", "CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(C(C)C(=O)O)cc1"]


def test_validity_uniqueness_and_novelty_by_hand() -> None:
    samples = ["CCO", "OCC", "((", "CCCl", "c1cc(-c2ccccc2)ccc1", "", "CCCl", "CCCCl"]
    found = generation_metrics(samples, REAL, training=["CCO", "CC"])
    assert found["validity"] == pytest.approx(6 / 8)
    assert found["uniqueness"] == pytest.approx(4 / 6)
    assert found["novelty"] == pytest.approx(3 / 4)
    assert set(found) <= set(DEFINITIONS)


def test_the_references_themselves_are_perfect_and_not_new() -> None:
    found = generation_metrics(REAL, REAL, training=REAL)
    assert [found[name] for name in ("validity", "uniqueness", "novelty", "snn", "fragments", "scaffolds")] == pytest.approx(
        [1, 1, 0, 1, 1, 1]
    )
    assert set(found["property_distances"].values()) == {0.0}


def test_without_molecules_there_is_nothing_to_compare() -> None:
    assert generation_metrics(["((", ""], REAL, None) == {"validity": 0.0}
    assert "novelty" not in generation_metrics(["CCO"], REAL, None)
    assert "scaffolds" not in generation_metrics(["CCO"], ["CC"], None)
