from __future__ import annotations

import json
import stat

import numpy as np
import pytest

from seqvae.cli.printing import give_records, print_json, write_file
from seqvae.errors import RunError


def test_json_is_strict(capsys):
    print_json({"a": float("nan"), "b": [np.float32(0.5), float("inf")], "c": {"d": np.int64(3)}, "e": "\N{SNOWMAN}"})
    out = capsys.readouterr().out
    told = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no json"))
    assert told == {"a": None, "b": [0.5, None], "c": {"d": 3}, "e": "\N{SNOWMAN}"}
    assert out.count("\n") == 1


def test_a_record_is_a_line_whatever_it_holds(capsys, tmp_path):
    records = ["two\nlines", "[bold]brackets[/bold]", [[1, 2, 0], [3, 4, 1]]]
    give_records(records, as_json=False, out=None)
    assert capsys.readouterr().out.splitlines() == ["two lines", "[bold]brackets[/bold]", "[[1, 2, 0], [3, 4, 1]]"]
    give_records(records, as_json=True, out=tmp_path / "out.txt")
    assert json.loads(capsys.readouterr().out)["records"] == records
    assert len((tmp_path / "out.txt").read_text().splitlines()) == 3


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(stream: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match="No space left"):
        write_file(path, fail)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_written_file_is_as_readable_as_any(tmp_path):
    (tmp_path / "ordinary").touch()
    write_file(tmp_path / "written", lambda stream: stream.write(b"x"))
    ordinary, written = (stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ordinary", "written"))
    assert written == ordinary
