from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError
from seqvae.modalities.sketch.points import drawing_of, read_json, read_jsonl

# one drawing in the three layouts: two lines, three points and two, centred at (5, 5)
STROKES = [[-5, -5, 0], [10, 0, 0], [0, 10, 1], [-10, 0, 0], [0, -5, 1]]
POINTS = [[[0, 0], [10, 0], [10, 10]], [[0, 10], [0, 5]]]
COORDINATES = [[[0, 10, 10], [0, 0, 10]], [[0, 0], [10, 5]]]


@pytest.mark.parametrize("layout", [STROKES, POINTS, COORDINATES])
def test_the_three_layouts_are_one_drawing(layout: list) -> None:
    np.testing.assert_array_equal(drawing_of(layout), STROKES)


def test_a_single_line_of_points() -> None:
    np.testing.assert_array_equal(drawing_of([[0, 0], [2, 0], [4, 2]]), [[-2, -1, 0], [2, 0, 0], [2, 2, 1]])


def test_two_points_are_quickdraws_unless_told() -> None:
    ambiguous = [[[0, 4], [0, 2]]]
    assert drawing_of(ambiguous)[1].tolist() == [4, 2, 1]
    assert drawing_of(ambiguous, quickdraw=False)[1].tolist() == [0, -2, 1]


@pytest.mark.parametrize("value", [STROKES, POINTS, COORDINATES, [STROKES, STROKES], [POINTS, COORDINATES[:1]], [COORDINATES] * 3])
def test_a_file_holds_one_drawing_or_a_list(tmp_path: Path, value: list) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    rows = list(read_json(path, Columns()))
    expected = 1 if value in (STROKES, POINTS, COORDINATES) else len(value)
    assert [row.line for row in rows] == list(range(1, expected + 1))
    np.testing.assert_array_equal(rows[0].record, STROKES)


def test_one_longer_line_settles_the_layout_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([[[[0, 4], [0, 2]]], POINTS]))
    first, _ = read_json(path, Columns())
    assert isinstance(first, Row)
    assert first.record[1].tolist() == [0, -2, 1]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([[]], "no points"),
        ([[[]]], r"expected .* got \[\[\]\]"),
        ([None], "expected .* got None"),
        ([["a", "b"]], r"expected .* got \['a', 'b'\]"),
        ([[[0, 1], [0]]], "expected|a line is"),
        ([[[[0, 1, 2], [0, 1]]]], r"a line is \[x,y\] points"),
        ([[[0, 0, 7]]], "lifted"),
        ([STROKES, [[1, 2, 0], [1, 2]]], "expected rows of dx, dy, lift"),
    ],
)
def test_bad_drawings_have_their_number_and_reason(tmp_path: Path, value: list, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    bad = [row for row in read_json(path, Columns()) if isinstance(row, Rejected)]
    assert [row.line for row in bad] == [len(value)]
    with pytest.raises(DataError, match=reason):
        raise DataError(bad[0].reason)


def test_malformed_json_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[\n[[0,0,1]],\n[[0,0,\n")
    with pytest.raises(DataError, match=r"a.json:4: malformed json"):
        list(read_json(path, Columns()))
    path.write_text('{"a": 1}')
    with pytest.raises(DataError, match=r"a.json holds no list of drawings but dict"):
        list(read_json(path, Columns()))


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"[[0,0,0],[1,1,1]]\n\n[[0,0\n\xff\n" + json.dumps(POINTS).encode() + b"\n")
    rows = list(read_jsonl(path, Columns()))
    assert [row.line for row in rows if isinstance(row, Row)] == [1, 5]
    assert [row.line for row in rows if isinstance(row, Rejected)] == [2, 3, 4]


def test_public_drawings_are_all_read(real_data: Path) -> None:
    rows = list(read_json(real_data / "sketch" / "quickdraw_mixed.json", Columns()))
    assert len(rows) == 1725
    assert all(isinstance(row, Row) for row in rows)
