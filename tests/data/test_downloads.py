"""Downloads from a server on this machine, so that what is tested is the whole way from a card to a verified file."""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from seqvae.data import cards, downloads
from seqvae.data.downloads import card_files, get
from seqvae.errors import DataError

CONTENT = {"train": b"one\ntwo\n", "valid": b"three\n", "test": b"four\n"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which a local server shows it."""
    folder = tmp_path / "site"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of cards in place of the shipped one."""
    folder = tmp_path / "cards"
    folder.mkdir()
    monkeypatch.setattr(cards, "shipped", lambda name: folder)
    return folder


def put_card(shelf: Path, splits: dict[str, dict], **fields: object) -> None:
    card = {"name": "toy", "modality": "text", "description": "d", "licence": "l", "homepage": "https://h"}
    (shelf / "toy.yaml").write_text(yaml.safe_dump({**card, "splits": splits, **fields}, sort_keys=False))


def sha(split: str) -> str:
    return hashlib.sha256(CONTENT[split]).hexdigest()


def member(split: str, **fields: object) -> dict:
    return {"file": f"toy/{split}.txt", "member": f"inside/{split}.txt", "sha256": sha(split), **fields}


def make_tar(path: Path, prefix: str = "./") -> None:
    with tarfile.open(path, "w:gz") as tar:
        for split, content in CONTENT.items():
            info = tarfile.TarInfo(f"{prefix}inside/{split}.txt")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def make_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for split, content in CONTENT.items():
            archive.writestr(f"inside/{split}.txt", content)


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_members_of_an_archive_are_downloaded_once_and_verified(site: tuple[Path, str], shelf: Path, make: object) -> None:
    folder, address = site
    make(folder / "toy.archive")  # type: ignore[operator]
    put_card(shelf, {s: member(s) for s in CONTENT}, archive={"url": f"{address}/toy.archive", "sha256": None})
    assert all(file.path is None for file in card_files("toy"))
    files = get("toy")
    assert {f.split: f.path.read_bytes() for f in files if f.path} == CONTENT
    assert all(f.verified and f.sha256 == sha(f.split) for f in files)
    (folder / "toy.archive").unlink()
    assert get("toy") == files == card_files("toy")


def test_a_file_with_an_address_of_its_own(site: tuple[Path, str], shelf: Path) -> None:
    folder, address = site
    (folder / "t.txt").write_bytes(CONTENT["train"])
    put_card(shelf, {"train": {"file": "toy/train.txt", "url": f"{address}/t.txt", "sha256": sha("train")}})
    assert get("toy")[0].verified


def test_a_download_with_another_hash_is_refused(site: tuple[Path, str], shelf: Path, cache: Path) -> None:
    folder, address = site
    (folder / "t.txt").write_bytes(b"something else")
    put_card(shelf, {"train": {"file": "toy/train.txt", "url": f"{address}/t.txt", "sha256": sha("train")}})
    with pytest.raises(DataError, match=r"cannot download toy/train.txt"):
        get("toy")
    assert not (cache / "downloads" / "toy" / "train.txt").exists()


def test_a_page_instead_of_an_archive_is_named_and_not_kept(site: tuple[Path, str], shelf: Path) -> None:
    folder, address = site
    (folder / "toy.tgz").write_text("<html>too many downloads</html>")
    put_card(shelf, {s: member(s) for s in CONTENT}, archive={"url": f"{address}/toy.tgz", "sha256": None})
    with pytest.raises(DataError, match=r"cannot download toy/train.txt of toy from"):
        get("toy")
    make_tar(folder / "toy.tgz", prefix="")
    assert len(get("toy")) == 3


def test_without_a_network_the_message_says_what_to_do(shelf: Path, cache: Path) -> None:
    put_card(shelf, {"train": member("train")}, archive={"url": "http://127.0.0.1:9/none.tgz", "sha256": None})
    with pytest.raises(DataError) as caught:
        get("toy")
    message = str(caught.value)
    assert "no connection to the host" in message
    assert f"put it at {cache / 'downloads' / 'toy' / 'train.txt'}" in message
    assert "or set SEQVAE_DATA to a folder that holds toy/train.txt" in message


def test_a_card_without_a_download_says_where_to_look(shelf: Path) -> None:
    put_card(shelf, {"train": {"file": "toy/train.txt"}})
    with pytest.raises(DataError, match=r"toy has no download of toy/train.txt \(see https://h\); put it at"):
        get("toy")


def test_files_under_seqvae_data_are_used_where_they_are(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "mine" / "toy" / "train.txt"
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT["train"])
    put_card(shelf, {"train": member("train")})
    monkeypatch.setenv("SEQVAE_DATA", str(tmp_path / "mine"))
    assert get("toy") == [downloads.LocalFile("train", place, sha("train"), True)]
    place.write_bytes(b"tampered")
    with pytest.raises(DataError) as caught:
        get("toy")
    for part in (str(place), sha("train"), hashlib.sha256(b"tampered").hexdigest(), "replace or remove it"):
        assert part in str(caught.value)


def test_seqvae_data_that_is_no_folder_is_named(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_card(shelf, {"train": member("train")})
    monkeypatch.setenv("SEQVAE_DATA", "/no/such/place")
    with pytest.raises(DataError, match="SEQVAE_DATA names '/no/such/place', which is no folder"):
        get("toy")


def test_an_unknown_hash_is_used_with_a_warning(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "train.txt").write_bytes(CONTENT["train"])
    put_card(shelf, {"train": {"file": "toy/train.txt"}})
    monkeypatch.setenv("SEQVAE_DATA", str(tmp_path))
    with caplog.at_level(logging.WARNING, "seqvae"):
        (file,) = get("toy")
    assert not file.verified
    assert file.sha256 == sha("train")
    assert "unverified" in caplog.text
    assert sha("train") in caplog.text


def test_the_real_files_are_verified(real_data: Path) -> None:
    for name in ("ptb", "multi30k", "yelp_short"):
        assert all(file.verified and file.path and real_data in file.path.parents for file in get(name))
