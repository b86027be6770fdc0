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


def test_every_valid_sample_counts_as_often_as_it_was_drawn() -> None:
    """Nine times the same molecule and once another: 18 of 100 ordered pairs differ, and nine tenths are next to a reference."""
    samples, apart = ["CC"] * 9 + ["((", "O"], ["CC", "CCCCCC"]
    found = generation_metrics(samples, apart, None)
    assert found["internal_diversity"] == pytest.approx(0.18)
    assert found["snn"] == pytest.approx(0.9)
    assert found["fragments"] == pytest.approx(9 / (82**0.5 * 2**0.5))
    assert found["references"] == 2


def test_references_are_drawn_from_the_whole_split_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqvae.modalities.molecule.metrics.REFERENCES", 3)
    chains = ["C" * length for length in range(2, 30)]
    found = [generation_metrics(["CCO"], chains, None, seed) for seed in (0, 0, 1)]
    assert [one["references"] for one in found] == [3, 3, 3]
    weight = [one["property_distances"]["weight"] for one in found]
    first = generation_metrics(["CCO"], chains[:3], None)["property_distances"]["weight"]
    assert weight[0] == weight[1] != weight[2]
    assert first not in weight
