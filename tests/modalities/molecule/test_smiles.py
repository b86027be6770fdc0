from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqvae import registry
from seqvae.errors import DataError
from seqvae.modalities.molecule.parsing import canonical, parse
from seqvae.modalities.molecule.smiles import TOKEN, SmilesCodec, heavy_atoms, randomised, tokens

HARD = "C[C@@H]1CC(Nc2cncc(-c3nncn3C)c2)C[C@@H](C)C1"


def fitted(records: list[str], **options: object) -> SmilesCodec:
    codec = SmilesCodec(**options)  # type: ignore[arg-type]
    codec.fit(records, seed=0)
    return codec


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CCl", ["C", "Cl"]),
        ("BrCB", ["Br", "C", "B"]),
        ("[13C@@H](F)/C=C\\%12", ["[13C@@H]", "(", "F", ")", "/", "C", "=", "C", "\\", "%12"]),
        ("c1cc[nH]c1", ["c", "1", "c", "c", "[nH]", "c", "1"]),
        ("C%(100)N->[Fe+2]", ["C", "%(100)", "N", "->", "[Fe+2]"]),
        ("Sc1no$C#N.[Na+]", ["S", "c", "1", "n", "o", "$", "C", "#", "N", ".", "[Na+]"]),
    ],
)
def test_tokens_by_hand(smiles: str, expected: list[str]) -> None:
    assert tokens(smiles) == expected


@given(st.text("CNOclnBr[]()=#%123@+-/\\H.", max_size=30))
def test_tokens_join_to_the_input_or_it_is_refused(text: str) -> None:
    try:
        found = tokens(text)
    except DataError:
        assert not TOKEN.fullmatch(text)
        return
    assert "".join(found) == text
    assert all(TOKEN.fullmatch(token) for token in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), ("CC!O", "'!O' at character 3"), ("C[nH", r"'\[nH' at character 2"), ("C%1", "'%1'"), ("C C", "' C' at")],
)
def test_what_no_token_matches_is_named(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        tokens(text)


@pytest.mark.parametrize("smiles", ["[2H]O[2H]", "[H+].[Cl-]", HARD, "[Hg](C)C", "[H][H]", "CCl", "[SiH4]", "[nH]1cccc1"])
def test_heavy_atoms_as_rdkit_counts_them(smiles: str) -> None:
    assert heavy_atoms(smiles) == parse(smiles).GetNumHeavyAtoms()
    assert SmilesCodec().units(smiles) == heavy_atoms(smiles)


def test_ids_by_hand_and_back() -> None:
    codec = fitted(["CCO", "CCl", "C#N"])
    assert codec.pieces == ["C", "#", "Cl", "N", "O"]
    (ids,) = codec.encode(["ClCC#N"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [6, 4, 4, 5, 7, 2]
    assert codec.decode([ids, ids[:-1], np.array([4, 2, 4])]) == ["ClCC#N", "ClCC#N", "C"]


def test_a_token_that_training_never_met_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"'\[Te\]' does not occur in the training records"):
        fitted(["CCO"]).encode(["C[Te]C"])


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    codec = fitted([HARD])
    codec.save(tmp_path)
    other = SmilesCodec()
    other.load(tmp_path)
    assert other.fingerprint == codec.fingerprint != SmilesCodec().fingerprint
    assert other.decode(other.encode([HARD])) == [HARD]
    assert SmilesCodec(order="random").fingerprint != SmilesCodec().fingerprint
    (tmp_path / "tokens.json").write_text("3")
    with pytest.raises(DataError, match=r"no vocabulary of tokens in .*tokens.json"):
        other.load(tmp_path)


def test_a_random_order_is_the_same_molecule_and_always_the_same_order() -> None:
    written = randomised(HARD)
    assert written != HARD
    assert written == randomised(HARD)
    assert canonical(written) == canonical(HARD)
    codec = fitted([HARD], order="random")
    assert codec.decode(codec.encode([HARD])) == [canonical(HARD)]
    assert codec.split(HARD) == tokens(written)
    with pytest.raises(DataError, match="is no molecule"):
        codec.encode(["C1CC"])


def test_it_is_found_by_name() -> None:
    assert isinstance(registry.build("tokenizer", {"kind": "smiles", "order": "random"}), SmilesCodec)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kinds", "longest"), [("zinc250k", 62, 72), ("qm9_smiles", 20, 22)])
def test_all_of_a_data_set_comes_back(real_data: Path, name: str, kinds: int, longest: int) -> None:
    with gzip.open(real_data / "molecules" / f"{name}.csv.gz", "rt") as stream:
        molecules = [row["smiles"] for row in csv.DictReader(stream)]
    kind, most = set(), 0
    for molecule in molecules:
        found = tokens(molecule)
        assert "".join(found) == molecule
        kind.update(found)
        most = max(most, len(found))
    assert (len(kind), most) == (kinds, longest)
    codec = fitted(sorted(kind))
    assert codec.decode(codec.encode(molecules[::20])) == molecules[::20]
