from __future__ import annotations

import math

import pytest

from seqvae import registry
from seqvae.data.prepare import prepare
from seqvae.data.settings import DataSettings
from seqvae.errors import DataError
from seqvae.modalities.molecule.modality import MoleculeModality

MOLECULE = MoleculeModality()


def test_it_is_found_by_name() -> None:
    assert registry.lookup("modality", "molecule").cls is MoleculeModality
    assert set(MOLECULE.readers) >= {".smi", ".sdf", ".csv", ".tsv", ".jsonl", ".parquet", ".txt"}


def test_an_argument_becomes_a_record() -> None:
    assert MOLECULE.parse("OCC") == "CCO"
    assert MOLECULE.to_json("CCO") == "CCO"
    with pytest.raises(DataError, match="'C1CC' is no SMILES"):
        MOLECULE.parse("C1CC")
    assert registry.build("modality", {"kind": "molecule", "fragments": "largest"}).parse("CC.[Na+]") == "CC"


def test_the_same_molecule_in_another_spelling_is_the_same() -> None:
    pairs = [("OCC", "CCO"), ("((", "(("), ("C[C@H](N)O", "C[C@@H](N)O"), ("((", "C1CC")]
    assert MOLECULE.same(*zip(*pairs, strict=True)).tolist() == [True, False, False, False]  # type: ignore[arg-type]
    assert MOLECULE.valid(["CCO", "((", "CCO", ""]).tolist() == [True, False, True, False]
    assert MOLECULE.reconstruction_metrics(["CCO", "CC", "CN"], ["OCC", "((", "CN"]) == {
        "reconstruction_exact": pytest.approx(2 / 3)
    }


def test_perplexity_of_a_token() -> None:
    assert MOLECULE.perplexities(nll_nats=60.0, tokens=30, units=18, records=2) == {"ppl_token": pytest.approx(math.exp(2))}


def test_the_molecules_that_come_with_rdkit() -> None:
    modality = MoleculeModality(fragments="largest")
    prepared = prepare(DataSettings(source="nci"), modality, {"kind": "smiles"}, 0)
    kept = sum(map(len, prepared.splits.values()))
    assert prepared.rejected.total == 4999
    assert kept + prepared.rejected.count == 4999
    assert kept > 4950
    store = prepared.splits["test"]
    (record,) = prepared.codec.decode([store[0]])
    assert modality.parse(record) == record
    assert store.units[0] == prepared.codec.units(record)


def test_what_heads_and_optimisers_ask_for() -> None:
    assert MOLECULE.property_function("heavy_atoms")(["CCO", "(("]).tolist()[0] == 3
    assert MOLECULE.canonical("OCC") == "CCO"
    assert MOLECULE.canonical("((") is None
    assert MOLECULE.canonical("CC.O") is None
    assert MoleculeModality(fragments="largest").canonical("O.OCC") == "CCO"
    assert MOLECULE.similarity(["CCO"], ["OCC"]).tolist() == [1.0]
