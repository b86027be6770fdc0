"""A folder of drawings: `.svg` files, or data sets of several categories side by side.

Drawings are labelled by the sub-folder they stand in (`cats/1.svg`, `dogs/1.svg`); without sub-folders, by their file, if the files
are data sets (`cat.npz`, `dog.npz`). A flat folder of `.svg` has no labels.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from seqvae.data.rows import Columns, Reader, Rejected, Row
from seqvae.errors import DataError

log = logging.getLogger("seqvae")


def folder_reader(readers: Mapping[str, Reader], single: str) -> Reader:
    """A reader of folders.

    Args:
        readers: by suffix, for the files in them.
        single: the suffix of files that hold one drawing, and so are no category of their own.
    """

    def read_folder(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
        files = _files(path, readers)
        names = {file: _category(file, path, single) for file in files}
        labelled = len(set(names.values())) > 1 and all(names.values())
        for file in files:
            for row in readers[file.suffix.lower()](file, columns):
                yield row._replace(label=names[file]) if isinstance(row, Row) and labelled else row

    return read_folder


def _files(path: Path, readers: Mapping[str, Reader]) -> list[Path]:
    """Those that a reader reads, sorted; others are named in the log, hidden ones are not."""
    members = [
        p for p in sorted(path.rglob("*")) if p.is_file() and not any(part.startswith(".") for part in p.relative_to(path).parts)
    ]
    others = [p.name for p in members if p.suffix.lower() not in readers]
    files = [p for p in members if p.suffix.lower() in readers]
    if not files:
        raise DataError(f"{path} holds no drawings: no file of {', '.join(readers)}")
    if others:
        log.warning("%s: %d files of other kinds are left out: %s", path, len(others), ", ".join(others[:5]))
    return files


def _category(file: Path, folder: Path, single: str) -> str:
    inside = file.relative_to(folder)
    if len(inside.parts) > 1:
        return inside.parts[0]
    return "" if file.suffix.lower() == single else inside.stem
