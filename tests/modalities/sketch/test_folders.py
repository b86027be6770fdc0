from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError
from seqvae.modalities.sketch.modality import SketchModality

READ = SketchModality().readers["folder"]
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><line x1="0" y1="0" x2="{}" y2="4"/></svg>'


def put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_a_flat_folder_of_svg_has_no_labels(tmp_path: Path) -> None:
    for number in (2, 1):
        put(tmp_path / f"{number}.svg", SVG.format(number))
    put(tmp_path / "3.svg", "broken")
    rows = list(READ(tmp_path, Columns()))
    assert [Path(row.file).name for row in rows] == ["1.svg", "2.svg", "3.svg"]
    assert [row.label for row in rows if isinstance(row, Row)] == [None, None]
    assert isinstance(rows[2], Rejected)


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    put(tmp_path / "pig" / "1.svg", SVG.format(1))
    put(tmp_path / "cat" / "deep" / "2.svg", SVG.format(2))
    assert [(Path(row.file).name, row.label) for row in READ(tmp_path, Columns())] == [("2.svg", "cat"), ("1.svg", "pig")]


def test_data_sets_side_by_side_are_classes(tmp_path: Path) -> None:
    line = json.dumps({"drawing": [[[0, 1], [2, 3]]]})
    put(tmp_path / "pig.ndjson", f"{line}\n{line}")
    put(tmp_path / "cat.ndjson", line)
    assert [row.label for row in READ(tmp_path, Columns())] == ["cat", "pig", "pig"]


def test_other_files_are_named_and_hidden_ones_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "a.svg", SVG.format(1))
    put(tmp_path / "notes.md", "")
    put(tmp_path / ".hidden", "")
    assert len(list(READ(tmp_path, Columns()))) == 1
    assert "1 files of other kinds are left out: notes.md" in caplog.text


def test_a_folder_without_drawings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no drawings: no file of .npz, .ndjson"):
        list(READ(tmp_path, Columns()))
