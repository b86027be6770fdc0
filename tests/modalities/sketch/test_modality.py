from __future__ import annotations

import json

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
    [("[]", "no points"), ("[[1,2]]", r"shape \[n, 3\]"), ("[[1,2,", r"expected \[\[dx,dy,lift\],...\]"), ("[[1,2,5]]", "got 5")],
)
def test_an_argument_that_is_no_drawing_is_refused(argument: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SKETCH.parse(argument)
