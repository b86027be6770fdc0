"""What `data.source` means: a card's name, or several categories of a card, a path, or `hf://owner/name`, resolved to files with
readers and content hashes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seqvae.data.cache import key_of, sha256_of
from seqvae.data.cards import Card, card_names, categories, is_card, load_card
from seqvae.data.downloads import get
from seqvae.data.rows import Columns, Reader, Rejected, Row
from seqvae.data.settings import DataSettings
from seqvae.errors import DataError, nearest

HUB = "hf://"
FOLDER = "folder"  # the key of a modality's reader for a folder of files


class ReadsFiles(Protocol):
    """What the data room asks of a modality."""

    @property
    def name(self) -> str:
        """As registered."""

    @property
    def readers(self) -> Mapping[str, Reader]:
        """A reader for each suffix (`.txt`, `.smi`), and under "folder" one for a folder, if the modality reads folders."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that the record's column usually has in a table."""


@dataclass(frozen=True)
class Part:
    """One file to read.

    Attributes:
        split: the split that all its rows belong to, or None for a file that is split row by row.
        sha256: of its content.
        minus: splits whose records are left out.
        label: the class of all its rows, where the file itself is one.
    """

    split: str | None
    path: Path
    reader: Reader
    columns: Columns
    sha256: str
    minus: tuple[str, ...] = ()
    label: str | None = None

    def rows(self) -> Iterator[Row | Rejected]:
        """Everything in the file, streamed.

        Raises:
            DataError: it cannot be read to its end.
        """
        try:
            for row in self.reader(self.path, self.columns):
                yield row if self.label is None or isinstance(row, Rejected) else row._replace(label=self.label)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot read {self.path}: {error}") from error


@dataclass(frozen=True)
class Source:
    """Everything to read, and the shares to hold out of the part that has no split."""

    name: str
    parts: tuple[Part, ...]
    valid: float = 0.0
    test: float = 0.0

    @property
    def sha256(self) -> dict[str, str]:
        """The content hash of every part, by its split (`all` for a file that is split row by row) and class, where it has one."""
        return {"/".join(filter(None, (part.label, part.split or "all"))): part.sha256 for part in self.parts}

    @property
    def labelled(self) -> bool:
        """Whether the rows are meant to have labels, missing ones among them."""
        return any(part.label is not None or part.columns.label is not None for part in self.parts)

    @property
    def property_names(self) -> tuple[str, ...]:
        """The columns of numbers that every row brings."""
        return tuple(str(column) for column in self.parts[0].columns.properties)

    @property
    def key(self) -> str:
        """A name for the content and the way it is read and split; paths do not enter."""
        parts = [[p.split, p.sha256, p.reader.__qualname__, p.columns.asked, p.columns.label, p.minus, p.label] for p in self.parts]
        return key_of([parts, self.valid, self.test])


def resolve(settings: DataSettings, modality: ReadsFiles) -> Source:
    """Find, download, verify and hash what `settings.source` names.

    Raises:
        DataError: nothing of that name; a folder, an unknown file type or an empty file; a card of another modality.
    """
    if settings.source.startswith(HUB):
        from seqvae.data.hub import hub_parts

        parts = hub_parts(settings.source.removeprefix(HUB), _columns(settings, modality, None))
        return Source(settings.source, *_completed(parts, settings, modality))
    names = categories(settings.source)
    if all(map(is_card, names)):
        cards = [load_card(name) for name in names]
        parts = [part for card in cards for part in _card_parts(card, settings, modality, labelled=len(cards) > 1)]
        if any(part.split is None for part in parts):
            return Source(settings.source, *_completed(parts, settings, modality))
        return Source(settings.source, tuple(parts))
    path = Path(settings.source).expanduser()
    if not path.exists():
        raise DataError(_nothing_there(settings.source, path))
    part = _part(None, path, settings, modality, None)
    return Source(path.name, *_completed([part], settings, modality))


def reader_for(path: Path, modality: ReadsFiles, suffix: str | None = None) -> Reader:
    """The modality's reader for a file name, or for `suffix`; `.gz` at the end is looked through.

    Raises:
        DataError: there is none; the message lists the suffixes that there are.
    """
    known = ", ".join(key for key in modality.readers if key.startswith("."))
    if path.is_dir():
        if FOLDER not in modality.readers:
            raise DataError(f"{path} is a folder; {modality.name} data is a file ({known}), give data=FILE")
        return modality.readers[FOLDER]
    name = suffix or path.name.removesuffix(".gz")
    fitting = [key for key in modality.readers if key.startswith(".") and name.lower().endswith(key)]
    if not fitting:
        raise DataError(f"{path}: no reader of {modality.name} data for a file of that name; it should end in one of {known}")
    return modality.readers[max(fitting, key=len)]


def _card_parts(card: Card, settings: DataSettings, modality: ReadsFiles, labelled: bool) -> list[Part]:
    """The files of a card; `labelled`, by its category."""
    if card.modality != modality.name:
        raise DataError(f"{card.name} is {card.modality} data, and the recipe's modality is {modality.name}")
    columns, label = _columns(settings, modality, card), card.name.rpartition("/")[2] if labelled else None
    parts = []
    for local in get(card.name):
        assert local.path is not None
        assert local.sha256 is not None
        split = None if local.split == "all" else local.split
        minus = () if split is None else next(f.minus for s, f in card.splits.items() if s == split)
        parts.append(Part(split, local.path, reader_for(local.path, modality, card.reader), columns, local.sha256, minus, label))
    return parts


def _completed(parts: list[Part], settings: DataSettings, modality: ReadsFiles) -> tuple[tuple[Part, ...], float, float]:
    """The parts with the user's own valid and test files, and the shares for what these leave open."""
    shares = {}
    for split, share in (("valid", settings.valid), ("test", settings.test)):
        if isinstance(share, str):
            parts = [*parts, _part(split, Path(share).expanduser(), settings, modality, None)]
        shares[split] = 0.0 if isinstance(share, str) else share
    if sum(shares.values()) >= 1:
        raise DataError(
            f"data.valid={shares['valid']} and data.test={shares['test']} leave nothing to train on; their sum must be below 1"
        )
    return tuple(parts), shares["valid"], shares["test"]


def _part(split: str | None, path: Path, settings: DataSettings, modality: ReadsFiles, card: Card | None) -> Part:
    if not path.exists():
        raise DataError(f"no such file: {path} (data.{split})")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty")
    try:
        return Part(split, path, reader_for(path, modality), _columns(settings, modality, card), sha256_of(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _columns(settings: DataSettings, modality: ReadsFiles, card: Card | None) -> Columns:
    """The card's columns, or what the settings say instead."""
    record = settings.column if settings.column is not None or card is None else card.column
    label = settings.label if settings.label is not None or card is None else card.label
    properties = settings.properties or (card.properties if card else ())
    return Columns(record, label, tuple(properties), modality.columns)


def _nothing_there(source: str, path: Path) -> str:
    if path.suffix or "/" in source or "\\" in source:
        return f"no such file: {source} (looked for {path.absolute()})"
    return f"unknown data set {source!r}, and no file of that name; {nearest(source, card_names())}"
