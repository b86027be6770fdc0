from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError
from seqvae.modalities.sketch.arrays import read_npz


def object_array(items: list) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def test_drawings_come_with_their_split_and_bad_ones_with_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    good, bad = np.array([[1, 2, 0], [3, 4, 1]], np.int16), np.zeros((0, 3))
    np.savez(path, train=object_array([good, bad, "x"]), test=object_array([good + np.array([1, 0, 0])]), notes=np.arange(3))
    rows = list(read_npz(path, Columns()))
    assert [(r.line, r.split, r.record.tolist()) for r in rows if isinstance(r, Row)] == [
        (1, "train", [[1, 2, 0], [3, 4, 1]]),
        (1, "test", [[2, 2, 0], [4, 4, 1]]),
    ]
    assert [str(r).replace(str(path), "F") for r in rows if isinstance(r, Rejected)] == [
        "F[train]:2: no points",
        "F[train]:3: expected rows of dx, dy, lift, got 'x'",
    ]


def test_a_file_without_splits(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, np.array([[1, 2, 0], [3, 4, 1]]), np.zeros((4, 7, 3)))
    rows = list(read_npz(path, Columns()))
    assert [(r.record.shape, r.split) for r in rows] == [((2, 3), None)] + 4 * [((7, 3), None)]


def test_it_has_no_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.npz has no columns, but 'x' was asked for"):
        list(read_npz(tmp_path / "a.npz", Columns(label="x")))
