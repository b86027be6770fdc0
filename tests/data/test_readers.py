from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest

from seqvae.data.readers import READERS
from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError

GUESSES = ("text", "sentence")


def read(path: Path, record: str | int | None = None, label: str | int | None = None, **more: tuple) -> list[Row | Rejected]:
    reader = READERS[path.name.removesuffix(".gz")[path.name.index(".") :]]
    return list(reader(path, Columns(record, label, guesses=GUESSES, **more)))


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def good(rows: list[Row | Rejected]) -> list[tuple[int, str]]:
    return [(row.line, row.record) for row in rows if isinstance(row, Row)]


def bad(rows: list[Row | Rejected]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, Rejected)]


def test_lines_are_stripped_counted_from_one_and_the_final_newline_is_no_line(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a.txt", " no it was \nsecond\n"))
    assert rows == [Row("no it was", str(tmp_path / "a.txt"), 1), Row("second", str(tmp_path / "a.txt"), 2)]
    assert good(read(write(tmp_path, "b.txt", "one\ntwo"))) == [(1, "one"), (2, "two")]


def test_byte_order_mark_and_carriage_returns_are_dropped(tmp_path: Path) -> None:
    assert good(read(write(tmp_path, "a.txt", b"\xef\xbb\xbffirst\r\nsecond\r\n"))) == [(1, "first"), (2, "second")]
    assert good(read(write(tmp_path, "a.csv", b"\xef\xbb\xbftext,n\r\nfirst,1\r\n"))) == [(2, "first")]


def test_bad_lines_come_out_with_their_number_and_reason(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a.txt", b"ok\n\n  \t\n\xff\xfe\xfd\nfine\n"))
    assert good(rows) == [(1, "ok"), (5, "fine")]
    assert bad(rows) == [(2, "blank"), (3, "blank"), (4, "not UTF-8")]


def test_gzipped_files_are_read(tmp_path: Path) -> None:
    assert good(read(write(tmp_path, "a.txt.gz", gzip.compress(b"one\ntwo\n")))) == [(1, "one"), (2, "two")]
    assert good(read(write(tmp_path, "a.csv.gz", gzip.compress(b"text\none\n")))) == [(2, "one")]


def test_utf16_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is UTF-16; convert it: iconv"):
        read(write(tmp_path, "a.txt", "one\ntwo\n".encode("utf-16")))


def test_lines_have_no_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="plain lines and has no columns, but 'text' was asked for"):
        read(write(tmp_path, "a.txt", "one\n"), "text")


def test_tsv_by_number_has_no_header_and_quotes_nothing(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a.tsv", '1\tthe "big\n0\tsecond\n'), 1, 0)
    assert [(r.line, r.record, r.label) for r in rows if isinstance(r, Row)] == [(1, 'the "big', 1), (2, "second", 0)]


def test_csv_by_name_has_a_header(tmp_path: Path) -> None:
    content = 'id,review,stars\n1,"good, really",5\n2,"two\nlines",1\n3,last,2\n'
    rows = read(write(tmp_path, "a.csv", content), "review", "stars")
    found = [(r.line, r.record, r.label) for r in rows if isinstance(r, Row)]
    assert found == [(2, "good, really", 5), (3, "two\nlines", 1), (5, "last", 2)]


def test_a_header_that_names_the_record_is_found(tmp_path: Path) -> None:
    assert good(read(write(tmp_path, "a.csv", "id,sentence\n1,one\n"))) == [(2, "one")]
    assert good(read(write(tmp_path, "a.tsv", "text\tid\none\t1\n"))) == [(2, "one")]


def test_one_column_is_taken_as_it_is(tmp_path: Path) -> None:
    assert good(read(write(tmp_path, "a.csv", "one\ntwo\n"))) == [(1, "one"), (2, "two")]


def test_an_unclear_table_says_what_it_saw_and_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"which column holds the record\? It has 2 columns .*data.column="):
        read(write(tmp_path, "a.csv", "a,b\n1,2\n"))
    with pytest.raises(DataError, match=r"It has 'body', 'id'; say data.column="):
        read(write(tmp_path, "a.jsonl", '{"body": "x", "id": 1}\n'))


def test_a_column_that_is_not_there_suggests_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "review,stars\nx,1\n")
    with pytest.raises(DataError, match=r"no column 'reveiw'; did you mean 'review'\?"):
        read(path, "reveiw")
    with pytest.raises(DataError, match=r"no column 7; known: 0, 1"):
        read(path, 7)


def test_bad_rows_of_a_table(tmp_path: Path) -> None:
    content = b"text,label\nok,1\n,2\n   ,3\nshort\nx,many\n\xff\xff,1\n\nx,1.0\nfine,-1\n"
    rows = read(write(tmp_path, "a.csv", content), "text", "label")
    assert good(rows) == [(2, "ok"), (6, "x"), (9, "x"), (10, "fine")]
    assert [row.label for row in rows if isinstance(row, Row)] == [1, "many", "1.0", -1]
    assert bad(rows) == [
        (3, "blank"),
        (4, "blank"),
        (5, "missing column; it has only 1"),
        (7, "not UTF-8"),
        (8, "blank"),
    ]


def test_values_of_a_table_keep_their_white_space(tmp_path: Path) -> None:
    assert good(read(write(tmp_path, "a.jsonl", '{"text": " a "}\n'))) == [(1, " a ")]
    assert good(read(write(tmp_path, "a.csv", "text\n a \n"))) == [(2, " a ")]


def test_properties_are_numbers_and_nan_where_missing(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a.csv", "smiles,logp,qed\nC,1.5,\nCC,x,1\n"), "smiles", properties=("logp", "qed"))
    assert isinstance(rows[0], Row)
    assert rows[0].properties[0] == 1.5
    assert rows[0].properties[1] != rows[0].properties[1]
    assert bad(rows) == [(3, "bad property 'x', expected a number")]


def test_an_open_quotation_mark_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.csv:2: malformed csv: .* is a quotation mark left open\?"):
        read(write(tmp_path, "a.csv", 'text\n"' + "x" * 200_000 + "\n"))


def test_jsonl(tmp_path: Path) -> None:
    lines = ['{"text": "one", "label": 1}', "{oops", "", "[1]", '{"label": 2}', '{"text": 5, "label": 1}']
    lines += ['{"text": null, "label": 1}', '{"text": "\\ud800", "label": 1}', '{"text": "x", "label": true}']
    lines += ['{"text": " ", "label": 1}', '{"text": "z\\u2581", "label": 0}']
    rows = read(write(tmp_path, "a.jsonl", "\n".join(lines)), "text", "label")
    assert good(rows) == [(1, "one"), (9, "x"), (11, "z\u2581")]
    assert [row.label for row in rows if isinstance(row, Row)] == [1, "True", 0]
    reasons = dict(bad(rows))
    assert reasons[2].startswith("malformed json: ")
    assert reasons[3] == "blank"
    assert reasons[4] == "expected a json object, got list"
    assert reasons[5] == "missing column 'text'; it has 'label'"
    assert reasons[6] == "expected text, got int 5"
    assert reasons[7] == "missing value"
    assert reasons[8] == "not UTF-8"
    assert reasons[10] == "blank"


def test_jsonl_of_strings(tmp_path: Path) -> None:
    assert good(read(write(tmp_path, "a.jsonl", '"one"\n"two"\n'))) == [(1, "one"), (2, "two")]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"id": [1, 2, 3, 4], "text": ["one", None, " ", "two"], "y": [0, 1, 1, 1]}), path)
    rows = read(path, label="y")
    assert [(r.line, r.record, r.label) for r in rows if isinstance(r, Row)] == [(1, "one", 0), (4, "two", 1)]
    assert bad(rows) == [(2, "missing value"), (3, "blank")]
    assert read(path, 1)[0] == Row("one", str(path), 1)
    with pytest.raises(DataError, match="is not a readable parquet file"):
        read(write(tmp_path, "b.parquet", "no parquet"))


@pytest.mark.parametrize("suffix", ["txt", "tsv", "csv", "jsonl"])
def test_readers_agree_with_python_on_any_text(tmp_path: Path, suffix: str) -> None:
    sentences = ["plain", "with, comma", 'with "quotes"', "ünïcödé 日本 😀", "a\u2028b", "x\x85y"]
    if suffix == "jsonl":
        content = "\n".join(json.dumps({"text": s}) for s in sentences)
    elif suffix == "csv":
        content = "text\n" + "\n".join('"' + s.replace('"', '""') + '"' for s in sentences)
    else:
        content = ("text\n" if suffix == "tsv" else "") + "\n".join(sentences)
    assert [record for _, record in good(read(write(tmp_path, f"a.{suffix}", content)))] == sentences
