"""`.npz` data sets of drawings, as sketch-rnn's are: object arrays of stroke-3 under `train`, `valid` and `test`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError
from seqvae.modalities.sketch.strokes import checked
from seqvae.modalities.sketch.unpickling import read_arrays

SPLITS = ("train", "valid", "test")


def read_npz(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """Each drawing with its split; of a file without splits, the drawings of all its arrays. `line` counts from 1 in each array."""
    refuse_columns(path, columns)
    arrays = read_arrays(path)
    named = {name: array for name, array in arrays.items() if name in SPLITS}
    for name, array in (named or arrays).items():
        if array.ndim == 2 and array.shape[1] == 3 and not array.dtype.hasobject:
            array = array[None]  # one drawing alone
        for number, drawing in enumerate(array, start=1):
            place = f"{path}[{name}]"
            try:
                yield Row(checked(drawing), place, number, split=name if named else None)
            except DataError as error:
                yield Rejected(place, number, str(error))


def refuse_columns(path: Path, columns: Columns) -> None:
    """Drawings have no columns; raises DataError where one is asked for."""
    if columns.asked:
        raise DataError(f"{path} has no columns, but {columns.asked[0]!r} was asked for; drop data.column and data.label")
