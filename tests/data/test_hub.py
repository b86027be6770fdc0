from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from seqvae.data.hub import hub_parts
from seqvae.data.rows import Columns, Rejected, Row
from seqvae.errors import DataError

COLUMNS = Columns(guesses=("text",))


class Table(list):
    """What the library's Dataset gives, as far as it is used: rows as mappings, column names, a fingerprint."""

    column_names = ("id", "text")
    _fingerprint = "f00"


def install(monkeypatch: pytest.MonkeyPatch, splits: dict[str, Table]) -> list[tuple[str, ...]]:
    asked: list[tuple[str, ...]] = []

    def load_dataset(*names: str) -> dict[str, Table]:
        asked.append(names)
        if "missing" in names[0]:
            raise FileNotFoundError("no such repository")
        return splits

    module = ModuleType("datasets")
    module.__dict__["load_dataset"] = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return asked


def test_splits_are_read_under_our_names(monkeypatch: pytest.MonkeyPatch) -> None:
    train = Table([{"id": 1, "text": "a"}, {"id": 2, "text": None}])
    asked = install(monkeypatch, {"train": train, "validation": Table(), "extra": Table()})
    parts = hub_parts("me/data/plain", COLUMNS)
    assert asked == [("me/data", "plain")]
    assert [part.split for part in parts] == ["train", "valid"]
    rows = list(parts[0].rows())
    assert isinstance(rows[0], Row)
    assert rows[0].record == "a"
    assert isinstance(rows[1], Rejected)
    assert rows[1].reason == "missing value"


def test_a_data_set_of_one_split_is_split_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, {"train": Table([{"id": 1, "text": "a"}])})
    assert [part.split for part in hub_parts("me/data", COLUMNS)] == [None]


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (None, SimpleNamespace()):  # not there; and a plain folder called datasets/
        monkeypatch.setitem(sys.modules, "datasets", module)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=r"hf://me/data needs the datasets library: pip install 'seqvae\[datasets\]'"):
            hub_parts("me/data", COLUMNS)


def test_what_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, {})
    with pytest.raises(DataError, match="cannot load hf://me/missing: FileNotFoundError: no such repository"):
        hub_parts("me/missing", COLUMNS)
    with pytest.raises(DataError, match="hf://data is no data set; it is hf://owner/name"):
        hub_parts("data", COLUMNS)
