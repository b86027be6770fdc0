"""The sketch modality: how drawings are read, shown and judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.data.rows import Columns, Reader, Rejected, Row
from seqvae.data.sources import FOLDER, reader_for
from seqvae.errors import DataError
from seqvae.modalities.sketch import drawing
from seqvae.modalities.sketch.arrays import read_npz
from seqvae.modalities.sketch.codec import StrokeCodec
from seqvae.modalities.sketch.folders import folder_reader
from seqvae.modalities.sketch.points import drawing_of, read_json, read_jsonl
from seqvae.modalities.sketch.quickdraw import read_bin, read_ndjson
from seqvae.modalities.sketch.reconstruction_loss import stroke_losses
from seqvae.modalities.sketch.svg import read_svg
from seqvae.registry import register

FILES: dict[str, Reader] = {
    ".npz": read_npz,
    ".ndjson": read_ndjson,
    ".bin": read_bin,
    ".json": read_json,
    ".jsonl": read_jsonl,
    ".svg": read_svg,
}
PICTURES = {".svg": drawing.write_svg, ".png": drawing.write_png}


@register("modality", "sketch")
class SketchModality:
    """Drawings: records are stroke-3, float32 `[n,3]` of (dx, dy, lift).

    Attributes:
        name: as registered.
        readers: a reader for each file suffix, and one for folders.
        columns: drawings stand in no tables.
        unit: what per-unit numbers count.
    """

    name = "sketch"
    unit = "point"
    columns: tuple[str, ...] = ()

    @property
    def readers(self) -> Mapping[str, Reader]:
        """Data sets, single drawings, and folders of either."""
        return {**FILES, FOLDER: folder_reader(FILES, single=".svg")}

    def parse(self, argument: str) -> np.ndarray:
        """A command-line argument to a drawing: `[[dx,dy,lift],...]`, or `FILE`, or `FILE#3` for the third drawing of a file.

        Raises:
            DataError: it is no drawing.
        """
        if argument.lstrip().startswith("["):
            try:
                return drawing_of(json.loads(argument))
            except (ValueError, RecursionError) as error:
                raise DataError(f"malformed json: {error}") from error
        return self._from_file(argument)

    def to_json(self, record: np.ndarray) -> list[list[float]]:
        """`[[dx,dy,lift],...]`; offsets rounded to six digits, the lift a whole number."""
        return [[float(f"{dx:.6g}"), float(f"{dy:.6g}"), int(lift)] for dx, dy, lift in np.asarray(record).tolist()]

    def render(self, record: np.ndarray) -> str:
        """An HTML fragment: the drawing as an SVG element."""
        return drawing.inline_svg(np.asarray(record))

    def picture(self, tiles: Sequence[tuple[np.ndarray, str]], columns: int, suffix: str) -> bytes:
        """The content of a `.svg` or `.png` file: drawings with captions, row by row in so many columns."""
        return PICTURES[suffix](drawing.lay_out(tiles, columns))

    def likelihood_metrics(
        self, likelihood: Any, decoded: Iterable[tuple[Tensor, SequenceBatch]], codec: StrokeCodec
    ) -> dict[str, float]:
        """`l_r_magenta`, `l_r_masked`, `nats_per_point`; see `reconstruction_loss`.

        Args:
            likelihood: gives a stroke mixture from features.
            decoded: the decoder's features `[S,B,T,H]` with their batches.
            codec: knows N_max.
        """
        return stroke_losses(((likelihood.mixture(features), batch) for features, batch in decoded), codec)

    def paint(self, axes: Any, record: np.ndarray, colour: str) -> None:
        """The drawing onto matplotlib axes, filling them, in a colour."""
        axes.set(xlim=(0, drawing.TILE), ylim=(drawing.TILE, 0), aspect="equal")
        drawing.paint(axes, drawing.fitted(np.asarray(record), drawing.TILE, drawing.MARGIN / 2), colour, 1.1)

    def reconstruction_metrics(self, references: Sequence[Any], hypotheses: Sequence[Any]) -> dict[str, float]:
        """Nothing: two good copies of a drawing need not have a point in common. Likelihood and retrieval judge them."""
        return {}

    def _from_file(self, argument: str) -> np.ndarray:
        """The drawing that `FILE` or `FILE#number` names."""
        name, mark, number = argument.rpartition("#")
        if not mark or not number.isdecimal():
            name, number = argument, "1"
        path = Path(name).expanduser()
        if not name.strip() or not path.exists():
            raise DataError(f"neither a drawing [[dx,dy,lift],...] nor a file: {name!r:.60}")
        count = 0
        for count, row in enumerate(reader_for(path, self)(path, Columns()), start=1):
            if count == int(number):
                return _record(row)
        raise DataError(f"{path} holds {count} drawings, and #{number} was asked for")


def _record(row: Row | Rejected) -> np.ndarray:
    if isinstance(row, Rejected):
        raise DataError(str(row))
    strokes: np.ndarray = row.record
    return strokes
