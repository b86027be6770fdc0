"""Getting a card's files onto this machine, each verified by its sha256.

`SEQVAE_DATA=DIR` comes first: a file found there is used where it is. Then what was downloaded before, under the cache. Then
the official source, through pooch.
"""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import tarfile
import tempfile
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seqvae.data.cache import cache_root, sha256_of
from seqvae.data.cards import Card, CardFile, load_card
from seqvae.errors import DataError

log = logging.getLogger("seqvae")
BROKEN = (OSError, ValueError, KeyError, EOFError, tarfile.TarError, zipfile.BadZipFile)  # what a download or an archive may raise


@dataclass(frozen=True)
class LocalFile:
    """A verified file of a card.

    Attributes:
        split: `train`, `valid`, `test`, or `all` for a data set without splits of its own.
        path: where it stands on this machine, or None where it is not here yet.
        sha256: of its bytes, or None where it is not here.
        verified: whether the card knows that hash, and it is right.
    """

    split: str
    path: Path | None
    sha256: str | None
    verified: bool


def card_files(name: str) -> list[LocalFile]:
    """What of a card is on this machine; downloads nothing, builds nothing.

    Raises:
        DataError: no such card, or a file that is not what the card says.
    """
    card = load_card(name)
    found = []
    for split, wanted in card.splits.items():
        path = _find(card, wanted)
        found.append(LocalFile(split, None, None, False) if path is None else _checked(card, split, wanted, path))
    return found


def get(name: str) -> list[LocalFile]:
    """Every file of a card, downloaded where it is not here yet, and verified.

    Raises:
        DataError: no such card; no network; a file with another sha256. The message says what to do.
    """
    card = load_card(name)
    if card.parameter is not None:
        raise DataError(f"{name} is many data sets: name one, as {name}/{card.parameter.upper()}; see {card.homepage}")
    if card.embedded is not None:
        path = _build(card.embedded)
        return [LocalFile("all", path, sha256_of(path), verified=True)]
    return [_checked(card, split, wanted, _find(card, wanted) or _download(card, wanted)) for split, wanted in card.splits.items()]


def _checked(card: Card, split: str, wanted: CardFile, path: Path) -> LocalFile:
    actual = sha256_of(path)
    if wanted.sha256 is None:
        log.warning("%s %s: %s is unverified: the card knows no sha256 for it (it is %s)", card.name, split, path, actual)
    elif actual != wanted.sha256:
        raise DataError(
            f"{path} is not the {split} file of {card.name}: sha256 is {actual}, expected {wanted.sha256}; replace or remove it"
        )
    return LocalFile(split, path, actual, wanted.sha256 is not None)


def _find(card: Card, wanted: CardFile) -> Path | None:
    """The file under `SEQVAE_DATA` or among earlier downloads, or None."""
    root = os.environ.get("SEQVAE_DATA")
    if root and not Path(root).expanduser().is_dir():
        raise DataError(f"SEQVAE_DATA names {root!r}, which is no folder")
    places = [Path(root).expanduser() / wanted.file] if root else []
    return next((place for place in [*places, _own_place(card, wanted)] if place.is_file()), None)


def _own_place(card: Card, wanted: CardFile) -> Path:
    return cache_root() / "downloads" / card.name / Path(wanted.file).name


def _download(card: Card, wanted: CardFile) -> Path:
    """Fetch one file to its place under the cache, whole or not at all."""
    place = _own_place(card, wanted)
    source = wanted.url or (card.archive.url if card.archive and wanted.member else None)
    mend = f"put it at {place}, or set SEQVAE_DATA to a folder that holds {wanted.file}"
    if source is None:
        raise DataError(f"{card.name} has no download of {wanted.file} (see {card.homepage}); {mend}")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        try:
            os.replace(_fetch(card, wanted, Path(folder)), place)
        except BROKEN as error:
            raise DataError(f"cannot download {wanted.file} of {card.name} from {source}: {_cause(error)}; {mend}") from error
    return place


def _fetch(card: Card, wanted: CardFile, folder: Path) -> Path:
    """Download into `folder` and unpack; the path of the file wanted."""
    import pooch

    if wanted.url is not None:
        known = f"sha256:{wanted.sha256}" if wanted.sha256 else None
        return Path(pooch.retrieve(wanted.url, known, fname="file", path=folder, progressbar=True))
    assert card.archive is not None
    assert wanted.member is not None
    archive = _archive(card, card.archive.url, card.archive.sha256)
    try:
        return _extract(archive, wanted.member, folder / "member")
    except BROKEN:
        archive.unlink()  # a page that says no, for example: keeping it would spoil the next attempt
        raise


def _extract(archive: Path, member: str, target: Path) -> Path:
    """Copy one member of a tar or zip to `target`. Tars write `./name` as often as `name`."""
    with ExitStack() as stack:
        if zipfile.is_zipfile(archive):
            source: IO[bytes] | None = stack.enter_context(stack.enter_context(zipfile.ZipFile(archive)).open(member))
        else:
            tar = stack.enter_context(tarfile.open(archive))
            source = next((tar.extractfile(m) for m in tar if m.isfile() and m.name.removeprefix("./") == member), None)
        if source is None:
            raise KeyError(f"the archive holds no {member}")
        with open(target, "wb") as copy:
            shutil.copyfileobj(source, copy)
    return target


def _archive(card: Card, url: str, sha256: str | None) -> Path:
    """The card's archive, kept under the cache so that three splits cost one download."""
    import pooch

    known = f"sha256:{sha256}" if sha256 else None
    folder = cache_root() / "downloads" / card.name
    return Path(pooch.retrieve(url, known, fname="archive", path=folder, progressbar=True))


def _build(embedded: str) -> Path:
    module, function = embedded.split(":")
    built: Path = getattr(importlib.import_module(module), function)(cache_root() / "embedded")
    return built


def _cause(error: Exception) -> str:
    if type(error).__name__ == "ConnectionError":
        return "no connection to the host"
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:120]}"
