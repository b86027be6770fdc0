"""A folder that is written whole or not at all."""

from __future__ import annotations

import pytest

from seqvae.errors import RunError
from seqvae.storage.staging import move_in, staging


def test_what_was_staged_takes_the_place_of_what_was_there(tmp_path):
    folder = tmp_path / "deep" / "folder"
    for text in ("old", "new"):
        with staging(folder) as staged:
            (staged / "inner").mkdir()
            (staged / "inner" / "file").write_text(text)
            (staged / "manifest.json").write_text(text)
            move_in(staged, folder)
        assert sorted(path.name for path in folder.rglob("*")) == ["file", "inner", "manifest.json"]
        assert (folder / "inner" / "file").read_text() == (folder / "manifest.json").read_text() == text


@pytest.mark.parametrize(("problem", "raised"), [(OSError(28, "no room"), RunError), (KeyError("ours"), KeyError)])
def test_a_failure_leaves_what_was_there(tmp_path, problem, raised):
    def fail():
        with staging(tmp_path) as staged:
            (staged / "file").write_text("new")
            raise problem

    (tmp_path / "file").write_text("old")
    with pytest.raises(raised):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match=f"cannot write {tmp_path / 'file'}"), staging(tmp_path / "file"):
        pass
