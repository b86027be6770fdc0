from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqvae import registry
from seqvae.errors import DataError
from seqvae.modalities.sketch.modality import SketchModality

SKETCH = SketchModality()


def test_it_is_found_by_name() -> None:
    assert registry.lookup("modality", "sketch").cls is SketchModality


def test_an_argument_in_json_and_back(drawing) -> None:
    record = drawing(5)
    shown = SKETCH.to_json(record)
    assert [type(value) for value in shown[0]] == [float, float, int]
    np.testing.assert_allclose(SKETCH.parse(json.dumps(shown)), record, rtol=1e-5)


@pytest.mark.parametrize(
    ("argument", "message"),
    [("[]", "no points"), ("[[1,2,", "malformed json"), ("[[1,2,5]]", "got 5")],
)
def test_an_argument_that_is_no_drawing_is_refused(argument: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SKETCH.parse(argument)


def test_an_argument_that_names_a_drawing_in_a_file(drawing, tmp_path: Path) -> None:
    path = tmp_path / "a b.jsonl"
    path.write_text("\n".join(json.dumps(SKETCH.to_json(drawing(n, n))) for n in (3, 4, 5)) + "\nbroken\n")
    for argument, points in ((str(path), 3), (f"{path}#1", 3), (f"{path}#3", 5)):
        np.testing.assert_allclose(SKETCH.parse(argument), drawing(points, points), rtol=1e-5)
    with pytest.raises(DataError, match=r"holds 4 drawings, and #9 was asked for"):
        SKETCH.parse(f"{path}#9")
    with pytest.raises(DataError, match=r"a b.jsonl:4: malformed json"):
        SKETCH.parse(f"{path}#4")


@pytest.mark.parametrize("argument", ["", "sheep", "no/such/file.svg", "x.svg#2"])
def test_an_argument_that_is_neither(argument: str) -> None:
    with pytest.raises(DataError, match=r"neither a drawing .* nor a file|is a folder|no reader"):
        SKETCH.parse(argument)
