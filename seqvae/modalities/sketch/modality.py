"""The sketch modality: how drawings are read, shown and judged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqvae.data.rows import Reader
from seqvae.errors import DataError
from seqvae.modalities.sketch.arrays import read_npz
from seqvae.modalities.sketch.strokes import checked
from seqvae.registry import register


@register("modality", "sketch")
class SketchModality:
    """Drawings: records are stroke-3, float32 `[n,3]` of (dx, dy, lift).

    Attributes:
        name: as registered.
        readers: a reader for each file suffix.
        columns: drawings stand in no tables.
        unit: what per-unit numbers count.
    """

    name = "sketch"
    unit = "point"
    columns: tuple[str, ...] = ()

    @property
    def readers(self) -> Mapping[str, Reader]:
        """Data sets of arrays."""
        return {".npz": read_npz}

    def parse(self, argument: str) -> np.ndarray:
        """A command-line argument to a drawing: `[[dx,dy,lift],...]`.

        Raises:
            DataError: it is no drawing.
        """
        try:
            return checked(json.loads(argument))
        except (ValueError, RecursionError) as error:
            raise DataError(f"expected [[dx,dy,lift],...]: {error}") from error

    def to_json(self, record: np.ndarray) -> list[list[float]]:
        """`[[dx,dy,lift],...]`; offsets rounded to six digits, the lift a whole number."""
        return [[float(f"{dx:.6g}"), float(f"{dy:.6g}"), int(lift)] for dx, dy, lift in np.asarray(record).tolist()]

    def reconstruction_metrics(self, references: Sequence[Any], hypotheses: Sequence[Any]) -> dict[str, float]:
        """None yet that compares point by point: two good copies of a drawing need not have a point in common."""
        return {}
