"""QuickDraw's own files: `.ndjson`, a json object a line, and the compact `.bin` (github.com/googlecreativelab/quickdraw-dataset).

A `.bin` holds, for each drawing and little-endian: key u64, country 2 bytes, recognized u8, time u32, lines u16, and for each line
its length u16, that many x u8, then that many y u8.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from seqvae.data.readers import BLANK, NOT_UTF8, text_lines
from seqvae.data.rows import Columns, Rejected, Row, open_bytes
from seqvae.errors import DataError, nearest
from seqvae.modalities.sketch.arrays import refuse_columns
from seqvae.modalities.sketch.points import drawing_of
from seqvae.modalities.sketch.strokes import from_lines

DRAWING = "drawing"
HEAD = struct.Struct("<Q2sBIH")
COUNT = struct.Struct("<H")


def read_ndjson(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.ndjson`: the drawing under `drawing` (or `data.column`), times left out.

    `data.label` names a key of classes, `word` for example.
    """
    key = DRAWING if columns.record is None else str(columns.record)
    for number, value in _objects(path):
        if isinstance(value, Rejected):
            yield value
            continue
        try:
            label = None if columns.label is None else _held(value, str(columns.label))
            label = label if label is None or type(label) is int else str(label)
            yield Row(drawing_of(_held(value, key), quickdraw=True), str(path), number, label)
        except DataError as error:
            yield Rejected(str(path), number, str(error))


def _held(value: dict[str, Any], key: str) -> Any:
    if key not in value:
        raise DataError(f"no {key!r}; {nearest(key, value)}")
    return value[key]


def read_bin(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.bin`: `line` counts the drawings from 1. A file that ends inside a drawing says so, with the number of that drawing."""
    refuse_columns(path, columns)
    with open_bytes(path) as stream:
        number = 0
        while head := stream.read(HEAD.size):
            number += 1
            try:
                lines = [_bin_line(stream) for _ in range(_unpacked(HEAD, head)[-1])]
            except EOFError:
                yield Rejected(str(path), number, "the file ends inside this drawing")
                return
            try:
                yield Row(from_lines(lines), str(path), number)
            except DataError as error:
                yield Rejected(str(path), number, str(error))


def _bin_line(stream: IO[bytes]) -> np.ndarray:
    """Points `[k,2]` of one line."""
    (count,) = _unpacked(COUNT, stream.read(COUNT.size))
    values = stream.read(2 * count)
    if len(values) < 2 * count:
        raise EOFError
    return np.frombuffer(values, np.uint8).reshape(2, count).T.astype(np.float64)


def _unpacked(layout: struct.Struct, raw: bytes) -> tuple[Any, ...]:
    if len(raw) < layout.size:
        raise EOFError
    return layout.unpack(raw)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | Rejected]]:
    """The json object in each line, or why there is none."""
    for number, line in text_lines(path):
        if line is None or not line.strip():
            yield number, Rejected(str(path), number, NOT_UTF8 if line is None else BLANK)
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, Rejected(str(path), number, f"malformed json: {error}")
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            yield number, Rejected(str(path), number, f"expected a json object, got {type(value).__name__}")
