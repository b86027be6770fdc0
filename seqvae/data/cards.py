"""Dataset cards: one yaml a data set under `datasets/`, naming its files, where they come from, and what they must hash to."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from seqvae.data.shipped import shipped
from seqvae.errors import DataError, nearest

Split = Literal["train", "valid", "test", "all"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]*")  # of a card's parameter: it becomes part of file names


class Archive(BaseModel):
    """A tar or zip that holds files of the card. `sha256: null` means that nobody has verified it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str
    sha256: Sha256 | None = None


class CardFile(BaseModel):
    """One split.

    Attributes:
        file: where it stands under `SEQVAE_DATA`.
        sha256: of that file; null where it is not known, and then the file is used unverified, with a warning.
        url: a direct download, or null.
        member: its name inside the card's archive, or null.
        records: how many it holds, where known.
        minus: splits whose records are left out of this one (a file that holds the whole set).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    sha256: Sha256 | None = None
    url: str | None = None
    member: str | None = None
    records: int | None = None
    minus: tuple[Split, ...] = ()


class Card(BaseModel):
    """A data set.

    Attributes:
        reader: the suffix whose reader reads the files, where their names do not say it.
        column, label, properties: see `Columns`; settings may say otherwise.
        embedded: `module:function` that builds the data set from installed packages: called with a folder, it returns the file.
        parameter: what `{braces}` in its files stand for: `category` makes `name/VALUE` a data set for each value.
        splits: its files by split; `all` is a file that is split by content, and an embedded data set has none.
        note: what one must know before comparing numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    modality: str
    description: str
    licence: str
    homepage: str
    urls: tuple[str, ...] = ()
    archive: Archive | None = None
    reader: str | None = None
    column: str | int | None = None
    label: str | int | None = None
    properties: tuple[str | int, ...] = ()
    embedded: str | None = None
    parameter: str | None = None
    splits: dict[Split, CardFile] = {}
    note: str = ""

    def filled(self, value: str) -> Card:
        """The card of one value of its parameter; `value` stands in its name, its files' names and, quoted, their addresses."""
        mark = f"{{{self.parameter}}}"

        def fill(file: CardFile) -> CardFile:
            url = file.url and file.url.replace(mark, urllib.parse.quote(value))
            return file.model_copy(update={"file": file.file.replace(mark, value), "url": url})

        splits = {split: fill(file) for split, file in self.splits.items()}
        return self.model_copy(update={"name": f"{self.name}/{value}", "parameter": None, "splits": splits})


def card_names() -> list[str]:
    """The names of all cards, sorted."""
    return sorted(path.stem for path in shipped("datasets").glob("*.yaml"))


def is_card(name: str) -> bool:
    """Whether `name` is a card's, or `name/VALUE` of a card with a parameter."""
    base, slash, value = name.partition("/")
    return base in card_names() and (not slash or (VALUE.fullmatch(value) is not None and _read(base).parameter is not None))


def load_card(name: str) -> Card:
    """The card `name`, or `name/VALUE`.

    Raises:
        DataError: there is none; the message suggests the nearest.
    """
    if not is_card(name):
        raise DataError(f"unknown data set {name!r}, and no file of that name; {nearest(name, card_names())}")
    base, slash, value = name.partition("/")
    return _read(base).filled(value) if slash else _read(base)


def _read(name: str) -> Card:
    return read_card(shipped("datasets") / f"{name}.yaml")


def read_card(path: Path) -> Card:
    """The card in a yaml file, checked.

    Raises:
        DataError: it is not a card; says every field that is wrong.
    """
    import yaml

    try:
        return Card.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except pydantic.ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        raise DataError(f"{path} is not a valid card: {problems}") from error


def categories(name: str) -> list[str]:
    """The names that `name/ONE,TWO` stands for, `name/ONE` and `name/TWO`; any other name for itself."""
    base, slash, values = name.partition("/")
    return [f"{base}/{value.strip()}" for value in values.split(",")] if slash else [name]


def list_cards() -> list[Card]:
    """Every card, by name."""
    return [load_card(name) for name in card_names()]
