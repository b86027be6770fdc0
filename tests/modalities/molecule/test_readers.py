from __future__ import annotations

import gzip
import itertools
import math
from pathlib import Path

import pytest

from seqvae.data.cards import list_cards, load_card
from seqvae.data.rows import Columns, Rejected, Row
from seqvae.data.sources import reader_for
from seqvae.errors import DataError
from seqvae.modalities.molecule import workers
from seqvae.modalities.molecule.modality import MoleculeModality
from seqvae.modalities.molecule.readers import molecule_readers
from seqvae.modalities.molecule.records import to_record

GUESSES = MoleculeModality.columns


def read(path: Path, fragments: str = "reject", **columns: object) -> list[Row | Rejected]:
    suffix = Path(path.name.removesuffix(".gz")).suffix
    reader = molecule_readers(fragments)[suffix]  # type: ignore[arg-type]
    return list(reader(path, Columns(guesses=GUESSES, **columns)))  # type: ignore[arg-type]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def records(rows: list[Row | Rejected]) -> list[str]:
    return [row.record for row in rows if isinstance(row, Row)]


def test_smi_with_names_with_a_header_and_gzipped(tmp_path: Path) -> None:
    assert records(read(write(tmp_path / "a.smi", "OCC\tethanol\nC1=CC=CC=C1 benzene ring\n"))) == ["CCO", "c1ccccc1"]
    assert records(read(write(tmp_path / "b.smi", "SMILES Name\nOCC ethanol\n"))) == ["CCO"]
    with gzip.open(tmp_path / "c.smi.gz", "wt") as stream:
        stream.write("OCC\n")
    assert records(read(tmp_path / "c.smi.gz")) == ["CCO"]
    assert read(write(tmp_path / "d.smi", "")) == []


def test_every_bad_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.smi", "CCO\n\nC1CC\n[Na+].[Cl-]\nCC(C)(C)(C)C\n" + "C" * 1000 + "\n[Og]\n")
    rows = read(path)
    bad = {row.line: row.reason for row in rows if isinstance(row, Rejected)}
    assert {2, 3, 4, 5} == set(bad)
    assert bad[2] == "blank"
    assert "'C1CC' is no SMILES" in bad[3]
    assert "2 fragments" in bad[4]
    assert "alence" in bad[5]
    assert records(rows) == ["CCO", "C" * 1000, "[Og]"]
    assert all(row.file == str(path) for row in rows)
    assert records(read(path, "largest"))[1] in {"[Cl-]", "[Na+]"}


def test_tables_with_properties_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,smiles,"log S, measured",kind\n1,OCC,-0.5,1\n2,CC,,0\n')
    rows = read(path, properties=("log S, measured",), label="kind")
    assert [(row.record, row.label) for row in rows] == [("CCO", 1), ("CC", 0)]  # type: ignore[union-attr]
    assert rows[0].properties == (-0.5,)  # type: ignore[union-attr]
    assert math.isnan(rows[1].properties[0])  # type: ignore[union-attr]
    with pytest.raises(DataError, match=r"has no column 'log S measured'; did you mean 'log S, measured'\?"):
        read(path, properties=("log S measured",))
    with pytest.raises(DataError, match="has no column 'SMILE'"):
        read(path, record="SMILE")


def test_sdf(tmp_path: Path) -> None:
    from rdkit import Chem

    path = tmp_path / "a.sdf"
    writer = Chem.SDWriter(str(path))
    for smiles, value in (("OCC", "1.5"), ("CC", None)):
        molecule = Chem.MolFromSmiles(smiles)
        if value is not None:
            molecule.SetProp("pIC50", value)
        writer.write(molecule)
    writer.close()
    path.write_text(path.read_text() + "rubbish\n\n\n  1  9\nM  END\n$$$$\n")
    rows = read(path, properties=("pIC50",))
    assert records(rows) == ["CCO", "CC"]
    assert rows[0].properties == (1.5,)  # type: ignore[union-attr]
    assert math.isnan(rows[1].properties[0])  # type: ignore[union-attr]
    assert rows[2] == Rejected(str(path), 3, "RDKit cannot read this structure")
    with pytest.raises(DataError, match=r"has no column 'pIC5'; did you mean 'pIC50'\?"):
        read(path, properties=("pIC5",))


def test_rdkit_reads_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.smi", "OCC\n(\n")
    first = read(path)
    monkeypatch.setattr(workers, "outcome", lambda *_: pytest.fail("RDKit read it again"))
    assert read(path) == first
    moved = path.rename(tmp_path / "b.smi")
    assert [row.file for row in read(moved)] == [str(moved)] * 2


def test_several_processes_give_what_one_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [("C" * (i % 7)) + ("O" if i % 5 else "(") for i in range(60)]
    alone = list(workers.outcomes(texts, "reject"))
    monkeypatch.setattr(workers, "WORTH_STARTING", 8)
    monkeypatch.setattr(workers, "CHUNK", 7)
    monkeypatch.setattr(workers.os, "cpu_count", lambda: 2)
    assert list(workers.outcomes(texts, "reject")) == alone
    assert {outcome.record is None for outcome in alone} == {True, False}


def test_a_dead_process_is_an_error_and_no_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WORTH_STARTING", 2)
    monkeypatch.setattr(workers.sys, "executable", "/bin/false")
    with pytest.raises(DataError, match="died with code 1"):
        list(workers.outcomes(["C"] * 5, "reject"))


CARDS = [card.name for card in list_cards() if card.modality == "molecule" and not card.embedded]


@pytest.mark.parametrize("name", CARDS)
def test_the_first_rows_of_every_card(real_data: Path, name: str) -> None:
    card = load_card(name)
    for file in card.splits.values():
        path = real_data / file.file
        if not path.is_file():
            continue
        reader = reader_for(path, MoleculeModality(), card.reader)
        rows = reader.read(path, Columns(card.column, card.label, card.properties, GUESSES))  # type: ignore[attr-defined]
        for row in itertools.islice(rows, 5):
            assert isinstance(row, Row), row
            assert to_record(row.record)
            assert len(row.properties) == len(card.properties)
