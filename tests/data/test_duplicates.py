from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seqvae import registry
from seqvae.data.duplicates import Duplicates, described
from seqvae.data.prepare import prepare
from seqvae.data.settings import DataSettings

WORDS = {"kind": "word"}


def test_against_counting_by_hand() -> None:
    chance = np.random.default_rng(0)
    records = {split: chance.integers(0, 40, size).tolist() for split, size in (("train", 60), ("valid", 9), ("test", 7))}
    duplicates = Duplicates()
    for split, held in records.items():
        for digest in held:
            duplicates.add(split, digest)
    found = duplicates.counts()
    for split, held in records.items():
        assert found.get(split, 0) == sum(count - 1 for count in Counter(held).values())
    assert found["train+test"] == len(set(records["train"]) & set(records["test"]))
    assert "train+valid" in found


def test_nothing_recurs() -> None:
    duplicates = Duplicates()
    duplicates.add("train", 2**64 - 1)
    assert duplicates.counts() == {}


def test_in_words() -> None:
    assert described({"train": 1200, "train+valid": 3}) == "1,200 repeated in train, 3 in both train and valid"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Training: a twice, b, c; valid: b, d, d; test: c, d."""
    for name, lines in (("train", "aabc"), ("valid", "bdd"), ("test", "cd")):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    return {"source": str(tmp_path / "train.txt"), "valid": str(tmp_path / "valid.txt"), "test": str(tmp_path / "test.txt")}


def records(**settings: str) -> dict[str, list[str]]:
    prepared = prepare(DataSettings(**settings), registry.build("modality", {"kind": "text"}), WORDS, 0)
    return {split: prepared.codec.decode([store[i] for i in range(len(store))]) for split, store in prepared.splits.items()}


def test_they_are_counted_and_kept_unless_told(files: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "seqvae")
    settings = DataSettings(**files)
    for _ in range(2):  # said again when the prepared data is opened again
        caplog.clear()
        prepared = prepare(settings, registry.build("modality", {"kind": "text"}), WORDS, 0)
        assert prepared.duplicates == {"train": 1, "valid": 1, "train+valid": 1, "train+test": 1, "valid+test": 1}
        assert "1 in both train and test" in caplog.text
        assert "data.duplicates=remove" in caplog.text
    assert len(prepared.splits["train"]) == 4


def test_removal_keeps_the_first_and_never_takes_from_the_test_split(files: dict[str, str]) -> None:
    assert records(**files, duplicates="remove") == {"train": ["a"], "valid": ["<unk>"], "test": ["<unk>", "<unk>"]}
    prepared = prepare(DataSettings(**files, duplicates="remove"), registry.build("modality", {"kind": "text"}), WORDS, 0)
    assert prepared.duplicates == {}
    assert {split: store.lines.tolist() for split, store in prepared.splits.items()} == {"train": [1], "valid": [1], "test": [1, 2]}


@pytest.mark.slow
def test_public_drawings_leak_as_known(real_data: Path) -> None:
    """20 training kanji recur in valid and 11 in test, as was found by other means."""
    prepared = prepare(DataSettings(source="kanji"), registry.build("modality", {"kind": "sketch"}), {"kind": "stroke"}, 0)
    assert {pair: count for pair, count in prepared.duplicates.items() if "train+" in pair} == {"train+valid": 20, "train+test": 11}
