from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.modalities.sketch.quickdraw import read_bin, read_ndjson
from seqvae.modalities.sketch.strokes import from_lines

LINES = [[[0, 10, 10], [0, 0, 10]], [[0, 0], [10, 5]]]


def ndjson(path: Path, *values: object) -> Path:
    path.write_text("\n".join(value if isinstance(value, str) else json.dumps(value) for value in values))
    return path


def bin_bytes(lines: list, key: int = 1) -> bytes:
    """One drawing, packed as the data set's README says."""
    packed = struct.pack("<Q2sbIH", key, b"DE", 1, 1_490_000_000, len(lines))
    for xs, ys in lines:
        packed += struct.pack(f"<H{len(xs)}B{len(ys)}B", len(xs), *xs, *ys)
    return packed


def test_ndjson_with_and_without_times(tmp_path: Path) -> None:
    timed = [[*line, list(range(len(line[0])))] for line in LINES]
    path = ndjson(tmp_path / "a.ndjson", {"word": "cat", "drawing": LINES}, {"word": "cat", "drawing": timed})
    rows = list(read_ndjson(path, Columns()))
    assert [(row.line, row.label) for row in rows] == [(1, None), (2, None)]
    for row in rows:
        np.testing.assert_array_equal(row.record, [[-5, -5, 0], [10, 0, 0], [0, 10, 1], [-10, 0, 0], [0, -5, 1]])


def test_malformed_lines_are_named(tmp_path: Path) -> None:
    path = ndjson(
        tmp_path / "a.ndjson",
        {"drawing": LINES},
        '{"drawing": [[[0, 1',
        "",
        "[1]",
        {"drawings": LINES},
        {"drawing": []},
        {"drawing": [[[0, 1], [0]]]},
        {"drawing": "cat"},
        {"drawing": [[["x"], [0]]]},
        {"drawing": [[[0, 1], [0, float("nan")]]]},
    )
    rows = list(read_ndjson(path, Columns()))
    assert [row.line for row in rows if isinstance(row, Row)] == [1]
    reasons = {row.line: row.reason for row in rows if isinstance(row, Rejected)}
    assert list(reasons) == list(range(2, 11))
    assert reasons[2].startswith("malformed json: ")
    assert reasons[3] == "blank"
    assert reasons[4] == "expected a json object, got list"
    assert reasons[5] == "no 'drawing'; did you mean 'drawings'?"
    assert reasons[6] == "no points"
    assert reasons[7].startswith("a line is [xs, ys] of one length")
    assert "not finite" in reasons[10]


def test_words_become_labels_and_whole_numbers_are_some(tmp_path: Path) -> None:
    words = [{"word": word, "drawing": LINES} for word in ("pig", "cat", "pig", "owl")]
    rows = list(read_ndjson(ndjson(tmp_path / "a.ndjson", *words, {"drawing": LINES}), Columns(label="word")))
    assert [row.label for row in rows[:-1]] == ["pig", "cat", "pig", "owl"]
    assert rows[-1].reason.startswith("no 'word'")
    numbers = [{"class": number, "drawing": LINES} for number in (10, 9, None)]
    rows = list(read_ndjson(ndjson(tmp_path / "b.ndjson", *numbers), Columns(label="class")))
    assert [row.label for row in rows] == [10, 9, None]
    missing = list(read_ndjson(tmp_path / "b.ndjson", Columns(label="word")))
    assert [row.reason for row in missing] == ["no 'word'; known: class, drawing"] * 3


def test_bin(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    other = [[[255, 0], [0, 255]]]
    path.write_bytes(bin_bytes(LINES) + bin_bytes([]) + bin_bytes(other))
    rows = list(read_bin(path, Columns()))
    assert [row.line for row in rows] == [1, 2, 3]
    np.testing.assert_array_equal(rows[0].record, from_lines([np.array(line).T for line in LINES]))
    assert rows[1] == Rejected(str(path), 2, "no points")
    np.testing.assert_array_equal(rows[2].record, from_lines([np.array(line).T for line in other]))


@pytest.mark.parametrize("left", [3, 17, 18, 20])
def test_a_bin_that_is_cut_off_says_where(tmp_path: Path, left: int) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bin_bytes(LINES) + bin_bytes(LINES)[:left])
    assert list(read_bin(path, Columns()))[1:] == [Rejected(str(path), 2, "the file ends inside this drawing")]
