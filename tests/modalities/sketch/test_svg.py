from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.modalities.sketch.strokes import to_lines
from seqvae.modalities.sketch.svg import read_svg, svg_lines


def write(path: Path, body: str) -> Path:
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="100" height="100">\n{body}\n</svg>')
    return path


def lines_of(tmp_path: Path, body: str) -> list[list[list[float]]]:
    return [np.round(line, 4).tolist() for line in svg_lines(write(tmp_path / "a.svg", body))]


def test_paths_polylines_lines_and_shapes(tmp_path: Path) -> None:
    assert lines_of(tmp_path, '<path d="M 1 2 L 3 4 l 5 0 M 9 9 h 3 v 4"/>') == [
        [[1, 2], [3, 4], [8, 4]],
        [[9, 9], [12, 9], [12, 13]],
    ]
    assert lines_of(tmp_path, '<polyline points="1,1 2,5 3,1"/>') == [[[1, 1], [2, 5], [3, 1]]]
    assert lines_of(tmp_path, '<line x1="1" y1="2" x2="3" y2="4"/>') == [[[1, 2], [3, 4]]]
    assert lines_of(tmp_path, '<polygon points="0,0 4,0 4,4"/>') == [[[0, 0], [4, 0], [4, 4], [0, 0]]]
    assert lines_of(tmp_path, '<rect x="1" y="1" width="2" height="3"/>') == [[[1, 1], [3, 1], [3, 4], [1, 4], [1, 1]]]
    assert lines_of(tmp_path, '<path d="M 0 0 L 4 0 L 4 4 Z"/><text>no stroke</text>') == [[[0, 0], [4, 0], [4, 4], [0, 0]]]


def test_transforms_are_applied(tmp_path: Path) -> None:
    body = '<g transform="translate(10,20) scale(2)"><line x1="1" y1="2" x2="3" y2="4" transform="translate(1,0)"/></g>'
    assert lines_of(tmp_path, body) == [[[14, 24], [18, 28]]]


def test_curves_are_followed_closely(tmp_path: Path) -> None:
    (circle,) = svg_lines(write(tmp_path / "a.svg", '<circle cx="50" cy="50" r="40"/>'))
    np.testing.assert_allclose(np.hypot(*(circle - 50).T), 40, atol=1e-3)
    between = (circle[1:] + circle[:-1]) / 2
    assert np.hypot(*(between - 50).T).min() > 40 - 2 * 0.004 * 80
    assert 16 <= len(circle) <= 64
    (curve,) = svg_lines(write(tmp_path / "b.svg", '<path d="M 0 0 C 0 30 30 60 90 60"/>'))
    share = np.linspace(0, 1, 4001)[:, None]
    exact = 3 * (1 - share) ** 2 * share * [0, 30] + 3 * (1 - share) * share**2 * [30, 60] + share**3 * [90, 60]  # Bernstein
    assert all(np.hypot(*(exact - point).T).min() < 0.02 for point in curve)


def test_one_file_is_one_drawing_centred(tmp_path: Path) -> None:
    (row,) = read_svg(
        write(tmp_path / "a.svg", '<polyline points="10,10 20,10 20,40"/><line x1="10" y1="40" x2="12" y2="40"/>'), Columns()
    )
    assert isinstance(row, Row)
    assert [line.tolist() for line in to_lines(row.record)] == [[[-5, -15], [5, -15], [5, 15]], [[-5, 15], [-3, 15]]]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "malformed svg: no element found"),
        ("no xml", 1, "malformed svg: syntax error"),
        ('<svg>\n<path d="M 0 0"\n<', 3, "malformed svg: "),
        ("<html><body/></html>", 1, ""),
        ('<svg xmlns="http://www.w3.org/2000/svg"><text>word</text></svg>', 1, "no strokes"),
        ('<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 0 L 1e400 2"/></svg>', 1, "not finite"),
        ('<svg xmlns="http://www.w3.org/2000/svg"><path d="M 5 5"/></svg>', 1, "no strokes"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(tmp_path: Path, content: str, line: int, reason: str) -> None:
    path = tmp_path / "a.svg"
    path.write_text(content)
    (row,) = read_svg(path, Columns())
    assert isinstance(row, Rejected)
    assert (row.file, row.line) == (str(path), line)
    assert reason in row.reason


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "svgelements", None)
    (row,) = read_svg(write(tmp_path / "a.svg", ""), Columns())
    assert isinstance(row, Rejected)
    assert "pip install 'seqvae[svg]'" in row.reason
