"""Records as pictures: what `--out x.svg` and `--out x.png` write, where the modality can draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqvae.errors import ConfigError

FORMATS = (".svg", ".png")
WIDEST = 8  # tiles in a row

Tile = tuple[Any, str]  # a record and its caption


def wanted(out: Path | None) -> bool:
    """Whether a file's name asks for a picture."""
    return out is not None and out.suffix.lower() in FORMATS


def check(modality: Any, out: Path | None) -> None:
    """Refuse a picture that will not come, before anything is done for it.

    Raises:
        ConfigError: `out` asks for a picture, and the modality draws none.
    """
    if wanted(out) and not hasattr(modality, "picture"):
        raise ConfigError(f"{modality.name} has no pictures, and {out} asks for one; give a name that ends in .txt")


def picture(modality: Any, tiles: Sequence[Tile], out: Path) -> bytes:
    """The content of `out`: the records in a grid, each above its caption, row by row. Errors as `check`."""
    check(modality, out)
    content: bytes = modality.picture(tiles, min(WIDEST, len(tiles)), out.suffix.lower())
    return content


def numbered(records: Sequence[Any]) -> list[Tile]:
    """Records counted from 1."""
    return [(record, str(number)) for number, record in enumerate(records, start=1)]


def pairs(given: Sequence[Any], made: Sequence[Any]) -> list[Tile]:
    """Each given record beside what was made of it."""
    return [tile for a, b in zip(given, made, strict=True) for tile in ((a, "given"), (b, "decoded"))]


def path(records: Sequence[Any]) -> list[Tile]:
    """The records on a way from A to B."""
    inner = [f"{step / (len(records) - 1):.2f}" for step in range(1, len(records) - 1)]
    return list(zip(records, ["A", *inner, "B"], strict=True))
