import hashlib
import json

import pytest

from seqvae.errors import RunError
from seqvae.storage.manifest import verify, write_manifest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.txt").write_bytes(b"abc")
    (tmp_path / "inner" / "b.bin").write_bytes(bytes(range(256)))
    write_manifest(tmp_path)
    return tmp_path


def test_every_other_file_by_its_digest(folder):
    assert json.loads((folder / "manifest.json").read_text()) == {
        "a.txt": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # FIPS 180-2, "abc"
        "inner/b.bin": hashlib.sha256(bytes(range(256))).hexdigest(),
    }
    verify(folder, "")


def test_files_that_it_does_not_name_are_ignored(folder):
    (folder / "notes").write_text("mine")
    verify(folder, "")


def test_one_altered_bit_is_seen(folder):
    path = folder / "inner" / "b.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunError, match=r"b\.bin was altered .* do this"):
        verify(folder, "do this")


def test_a_missing_file_is_named(folder):
    (folder / "a.txt").unlink()
    with pytest.raises(RunError, match=r"a\.txt is missing; do this"):
        verify(folder, "do this")


@pytest.mark.parametrize("content", [None, b"{", b"[1]", b"\xff\xfe"])
def test_a_manifest_that_is_missing_or_none(folder, content):
    (folder / "manifest.json").unlink()
    if content is not None:
        (folder / "manifest.json").write_bytes(content)
    with pytest.raises(RunError, match=r"manifest\.json is (missing|damaged).*do this"):
        verify(folder, "do this")
