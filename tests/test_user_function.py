from __future__ import annotations

from pathlib import Path

import pytest

from seqvae.errors import ConfigError
from seqvae.user_function import function_at


def test_a_function_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def score(record):\n    return len(record) / 2\n")
    assert function_at(f"{tmp_path / 'mine.py'}:score")("abc") == 1.5


def test_a_function_in_the_working_directory_and_one_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_own_scores.py").write_text("def score(record):\n    return 7\n")
    monkeypatch.chdir(tmp_path)
    assert function_at("my_own_scores:score")("abc") == 7
    assert function_at("math:sqrt")(9) == 3


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("logp", "names no function; give package.module:function or file.py:function"),
        ("no_such_module_anywhere:f", "cannot load .*ModuleNotFoundError"),
        ("nowhere.py:f", "cannot load .*FileNotFoundError"),
        ("math:squareroot", "math has no function 'squareroot'"),
    ],
)
def test_places_without_a_function(place: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        function_at(place)


def test_a_module_that_fails(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ConfigError, match=r"cannot load .*ZeroDivisionError"):
        function_at(f"{tmp_path / 'broken.py'}:f")
