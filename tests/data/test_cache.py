from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqvae.data.cache import cache_root, key_of, sha256_of, write_folder
from seqvae.errors import DataError


def test_the_place_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQVAE_CACHE", str(tmp_path / "here"))
    assert cache_root() == tmp_path / "here"
    monkeypatch.delenv("SEQVAE_CACHE")
    assert cache_root() == Path.home() / ".cache" / "seqvae"


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()


def test_a_folder_hashes_by_names_and_contents(tmp_path: Path) -> None:
    hashes = set()
    for name, content in (("a", "1"), ("b", "1"), ("a", "2")):
        folder = tmp_path / f"{name}{content}"
        folder.mkdir()
        (folder / name).write_text(content)
        hashes.add(sha256_of(folder))
    assert len(hashes) == 3


def test_keys_depend_on_values_alone() -> None:
    assert key_of({"a": 1, "b": [2, None]}) == key_of({"b": [2, None], "a": 1})
    assert key_of([1, 2]) != key_of([2, 1])


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_folder(tmp_path / "deep" / "f", fail)
    assert list((tmp_path / "deep").iterdir()) == []


def test_of_many_writers_one_wins_and_none_fails(tmp_path: Path) -> None:
    def write(i: int) -> Path:
        return write_folder(tmp_path / "f", lambda folder: [(folder / f"{n}").write_text(str(i)) for n in range(20)] and None)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(16))) == {tmp_path / "f"}
    assert len({path.read_text() for path in (tmp_path / "f").iterdir()}) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write prepared data under .*file.*SEQVAE_CACHE"):
        write_folder(tmp_path / "file" / "f", lambda folder: None)
