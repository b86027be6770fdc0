"""Dataset cards: one yaml a data set under `datasets/`, naming its files, where they come from, and what they must hash to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from seqvae.data.shipped import shipped
from seqvae.errors import DataError, nearest

Split = Literal["train", "valid", "test", "all"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


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
    splits: dict[Split, CardFile] = {}
    note: str = ""


def card_names() -> list[str]:
    """The names of all cards, sorted."""
    return sorted(path.stem for path in shipped("datasets").glob("*.yaml"))


def load_card(name: str) -> Card:
    """The card `name`.

    Raises:
        DataError: there is none; the message suggests the nearest.
    """
    path = shipped("datasets") / f"{name}.yaml"
    if name not in card_names():
        raise DataError(f"unknown data set {name!r}, and no file of that name; {nearest(name, card_names())}")
    return read_card(path)


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


def list_cards() -> list[Card]:
    """Every card, by name."""
    return [load_card(name) for name in card_names()]
