from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from seqvae.data.readers import READERS
from seqvae.data.rows import Columns, Reader, Row
from seqvae.data.settings import DataSettings
from seqvae.data.sources import reader_for, resolve
from seqvae.errors import DataError


class Sentences:
    name = "text"
    columns = ("text",)
    readers: Mapping[str, Reader] = READERS


def read_drawings(path: Path, columns: Columns) -> Iterator[Row]:
    yield Row("drawing", str(path), 1)


class Drawings(Sentences):
    name = "sketch"
    readers: Mapping[str, Reader] = {".npz": read_drawings, ".full.npz": read_drawings, "folder": read_drawings}


def source(tmp_path: Path, name: str = "a.txt", content: str = "one\ntwo\n") -> str:
    (tmp_path / name).write_text(content)
    return str(tmp_path / name)


def test_a_file_is_one_part_split_by_content(tmp_path: Path) -> None:
    found = resolve(DataSettings(source=source(tmp_path), valid=0.2, test=0.1), Sentences())
    assert [part.split for part in found.parts] == [None]
    assert (found.valid, found.test) == (0.2, 0.1)
    assert list(found.sha256) == ["all"]


def test_the_users_own_valid_and_test_files(tmp_path: Path) -> None:
    settings = DataSettings(source=source(tmp_path), valid=source(tmp_path, "v.txt"), test=0.1)
    found = resolve(settings, Sentences())
    assert [part.split for part in found.parts] == [None, "valid"]
    assert (found.valid, found.test) == (0, 0.1)
    with pytest.raises(DataError, match=r"no such file: .*nope.txt \(data.test\)"):
        resolve(DataSettings(source=source(tmp_path), test=str(tmp_path / "nope.txt")), Sentences())


def test_the_key_follows_content_and_columns_but_not_the_place(tmp_path: Path) -> None:
    def key(name: str, content: str, **more: object) -> str:
        return resolve(DataSettings(source=source(tmp_path, name, content), **more), Sentences()).key  # type: ignore[arg-type]

    first = key("a.csv", "text,y\none,1\n")
    assert key("b.csv", "text,y\none,1\n") == first
    others = [
        key("a.csv", "text,y\ntwo,1\n"),
        key("a.csv", "text,y\none,1\n", label="y"),
        key("a.csv", "text,y\none,1\n", column="y"),
        key("a.csv", "text,y\none,1\n", valid=0.3),
        key("a.tsv", "text,y\none,1\n"),
    ]
    assert len({first, *others}) == 6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope.txt", r"no such file: nope.txt \(looked for /"),
        ("sub/nope", "no such file: sub/nope"),
        ("multi30", r"unknown data set 'multi30', and no file of that name; did you mean 'multi30k'\?"),
    ],
)
def test_what_is_not_there(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        resolve(DataSettings(source=name), Sentences())


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder; text data is a file \(.txt, .tsv, .csv, .jsonl, .parquet\), give data=FILE"):
        resolve(DataSettings(source=str(tmp_path)), Sentences())
    with pytest.raises(DataError, match="is empty"):
        resolve(DataSettings(source=source(tmp_path, "e.txt", "")), Sentences())
    with pytest.raises(DataError, match=r"no reader of text data for a file of that name; it should end in one of .txt, .tsv"):
        resolve(DataSettings(source=source(tmp_path, "a.doc")), Sentences())
    with pytest.raises(DataError, match=r"data.valid=0.5 and data.test=0.6 leave nothing to train on"):
        resolve(DataSettings(source=source(tmp_path), valid=0.5, test=0.6), Sentences())


def test_readers_are_found_by_the_longest_suffix_whatever_its_case(tmp_path: Path) -> None:
    assert reader_for(Path("A.TXT"), Sentences()) is READERS[".txt"]
    assert reader_for(Path("a.b.csv.gz"), Sentences()) is READERS[".csv"]
    assert reader_for(Path("x.full.npz"), Drawings()) is Drawings.readers[".full.npz"]
    assert reader_for(tmp_path, Drawings()) is Drawings.readers["folder"]


def test_a_card_of_another_modality_is_refused() -> None:
    with pytest.raises(DataError, match="ptb is text data, and the recipe's modality is sketch"):
        resolve(DataSettings(source="ptb"), Drawings())


def test_a_card_brings_its_splits_and_columns(real_data: Path) -> None:
    found = resolve(DataSettings(source="yelp_short", valid=0.5), Sentences())
    assert [part.split for part in found.parts] == ["train", "valid", "test"]
    assert {(part.columns.record, part.columns.label) for part in found.parts} == {(1, 0)}
    assert found.valid == 0
    assert found.sha256["test"] == "b10d065bac6d0edc7622765b408286da013f9c4344e08564314978c38c2e9866"


def test_a_file_that_breaks_off_is_named(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"some lines\n" * 1000)[:-20])
    (part,) = resolve(DataSettings(source=str(path)), Sentences()).parts
    with pytest.raises(DataError, match=r"cannot read .*a.txt.gz"):
        list(part.rows())


def test_categories_of_a_card_are_one_data_set_labelled_by_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQVAE_DATA", str(tmp_path))
    for category in ("cat", "owl"):
        path = tmp_path / "sketch" / "quickdraw" / f"{category}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(category)
    found = resolve(DataSettings(source="quickdraw/owl,cat"), Drawings())
    assert [(part.split, part.label) for part in found.parts] == [
        (s, c) for c in ("owl", "cat") for s in ("train", "valid", "test")
    ]
    assert [row.label for part in found.parts for row in part.rows() if isinstance(row, Row)] == ["owl"] * 3 + ["cat"] * 3
    assert set(found.sha256) == {f"{c}/{s}" for c in ("owl", "cat") for s in ("train", "valid", "test")}
    assert found.labelled
    alone = resolve(DataSettings(source="quickdraw/owl"), Drawings())
    assert {part.label for part in alone.parts} == {None}
    assert alone.key != found.key
    with pytest.raises(DataError, match="no such file: quickdraw/owl,c:t"):
        resolve(DataSettings(source="quickdraw/owl,c:t"), Drawings())
