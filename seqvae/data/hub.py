"""`hf://owner/name`: a data set from the Hugging Face hub, through the `datasets` library (the `datasets` extra)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqvae.data.readers import keyed_row, resolved
from seqvae.data.rows import Columns, Rejected, Row
from seqvae.data.sources import HUB, Part
from seqvae.errors import DataError

SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "dev": "valid", "test": "test"}


def hub_parts(name: str, columns: Columns) -> list[Part]:
    """One part a split of `owner/name` or `owner/name/configuration`; a data set of one split is split by content.

    Raises:
        DataError: the library is not installed, or the data set cannot be had.
    """
    splits = load(name)
    known = {SPLITS[split]: data for split, data in splits.items() if split in SPLITS}
    if set(known) == {"train"} or not known:
        known = {None: next(iter((known or splits).values()))}  # type: ignore[dict-item]  # no split of its own
    return [_part(name, split, data, columns) for split, data in known.items()]


def load(name: str) -> Mapping[str, Any]:
    """The hub's data set as a mapping from its splits to tables."""
    repository = _repository(name)
    try:
        # a plain folder called datasets/ in the working directory also imports, as a namespace that can load nothing
        load_dataset = getattr(importlib.import_module("datasets"), "load_dataset", None)
    except ImportError:
        load_dataset = None
    if load_dataset is None:
        raise DataError(f"{HUB}{name} needs the datasets library: pip install 'seqvae[datasets]'")
    try:
        splits: Mapping[str, Any] = load_dataset(*repository)
        return splits
    except Exception as error:  # the library raises a dozen kinds, none of them ours to mend
        raise DataError(f"cannot load {HUB}{name}: {type(error).__name__}: {str(error).splitlines()[0]}") from error


def _repository(name: str) -> tuple[str, ...]:
    owner, _, rest = name.partition("/")
    repository, _, configuration = rest.partition("/")
    if not owner or not repository:
        raise DataError(f"{HUB}{name} is no data set; it is {HUB}owner/name or {HUB}owner/name/configuration")
    return (f"{owner}/{repository}", *([configuration] if configuration else []))


def _part(name: str, split: str | None, table: Any, columns: Columns) -> Part:
    path = Path(f"{HUB}{name}/{split or 'train'}")

    def read_hub(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
        keys = resolved(path, table.column_names, columns)
        for number, row in enumerate(table, start=1):
            yield keyed_row(path, number, row, keys)

    return Part(split, path, read_hub, columns, str(table._fingerprint))
