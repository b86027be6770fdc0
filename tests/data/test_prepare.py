from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqvae.data import prepare as room
from seqvae.data.batches import bucket_batches
from seqvae.data.encoding import encode_each
from seqvae.data.prepare import Prepared
from seqvae.data.rows import Row
from seqvae.data.settings import DataSettings
from seqvae.errors import DataError
from seqvae.modalities.text.modality import TextModality
from seqvae.modalities.text.words import WordCodec

WORDS = {"kind": "word"}
Prepare = Callable[..., Prepared]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Prepare a file of these lines (or a source that is there already) under these settings."""

    def run(lines: list[str] | str, tokenizer: dict[str, Any] = WORDS, seed: int = 0, **settings: Any) -> Prepared:
        if isinstance(lines, list):
            (tmp_path / "in.txt").write_text("".join(f"{line}\n" for line in lines))
            lines = str(tmp_path / "in.txt")
        return room.prepare(DataSettings(source=lines, **settings), TextModality(), tokenizer, seed)

    return run


SENTENCES = [f"sentence {i} is about {i % 7} cats" for i in range(300)]


def decoded(prepared: Prepared) -> dict[str, list[str]]:
    return {split: prepared.codec.decode([store[i] for i in range(len(store))]) for split, store in prepared.splits.items()}


def test_every_record_is_in_one_split_as_it_was(prepare: Prepare) -> None:
    prepared = prepare(SENTENCES, valid=0.2, test=0.2)
    assert set(prepared.splits) == {"train", "valid", "test"}
    back = prepared.splits
    lines = sorted(int(line) for store in back.values() for line in store.lines)
    assert lines == list(range(1, 301))
    for split, sentences in decoded(prepared).items():
        for sentence, line in zip(sentences, back[split].lines, strict=True):
            original = SENTENCES[line - 1].split()
            assert all(a == b or a == "<unk>" for a, b in zip(sentence.split(), original, strict=True))
    assert decoded(prepared)["train"] == [SENTENCES[line - 1] for line in back["train"].lines]  # it was fitted on these
    assert back["train"].units.tolist() == [6] * len(back["train"])
    assert prepared.rejected.count == 0
    assert prepared.rejected.total == 300


def test_the_second_call_neither_fits_nor_encodes(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare(SENTENCES)
    monkeypatch.setattr(WordCodec, "fit", lambda *a: pytest.fail("fitted again"))
    monkeypatch.setattr(WordCodec, "encode", lambda *a: pytest.fail("encoded again"))
    second = prepare(SENTENCES)
    assert second.cached
    assert not first.cached
    assert second.folder == first.folder
    assert decoded(second) == decoded(first)
    assert second.codec.fingerprint == first.codec.fingerprint


def test_another_input_codec_or_setting_is_another_folder(prepare: Prepare) -> None:
    folders = [
        prepare(SENTENCES).folder,
        prepare([*SENTENCES, "one more"]).folder,
        prepare(SENTENCES, {"kind": "word", "min_count": 2}).folder,
        prepare(SENTENCES, valid=0.2).folder,
        prepare(SENTENCES, max_length=20).folder,
        prepare(SENTENCES, limit=10).folder,
        prepare(SENTENCES, seed=1).folder,
    ]
    assert len(set(folders)) == len(folders)
    assert prepare(SENTENCES, on_error="raise", max_rejected=0.5).folder == folders[0]


def test_duplicates_never_straddle_splits(prepare: Prepare) -> None:
    splits = decoded(prepare([f"word{i % 20}" for i in range(200)], {"kind": "sentencepiece"}, valid=0.2, test=0.2))
    assert len(set(splits["train"]) | set(splits["valid"]) | set(splits["test"])) == 20
    assert sum(len(set(s)) for s in splits.values()) == 20


def test_three_lines_are_enough_for_three_splits(prepare: Prepare) -> None:
    assert {split: len(store) for split, store in prepare(["a b", "c d", "e f"]).splits.items()} == {
        "train": 1,
        "valid": 1,
        "test": 1,
    }
    assert set(prepare(["a b"]).splits) == {"train"}


def test_limit_keeps_the_first_training_records(prepare: Prepare) -> None:
    whole, some = prepare(SENTENCES), prepare(SENTENCES, limit=10)
    assert some.splits["train"].lines.tolist() == whole.splits["train"].lines[:10].tolist()
    assert len(some.splits["test"]) == len(whole.splits["test"])
    assert some.codec.spec.size < whole.codec.spec.size


def test_bad_lines_are_counted_shown_and_written(prepare: Prepare, caplog: pytest.LogCaptureFixture) -> None:
    lines = [*SENTENCES[:50], "", *SENTENCES[50:], "w " * 40, "ok then"]
    with caplog.at_level(logging.WARNING, "seqvae"):
        prepared = prepare(lines, max_length=30)
    rejected = prepared.rejected
    assert (rejected.count, rejected.total) == (2, 303)
    assert [(r.line, r.reason) for r in rejected.first] == [(51, "blank"), (302, "41 steps, more than data.max_length=30")]
    assert [json.loads(line)["line"] for line in rejected.path.read_text().splitlines()] == [51, 302]
    assert "2 of 303 records are bad" in caplog.text
    assert "in.txt:51: blank" in caplog.text
    assert all(len(store[i]) <= 30 for store in prepared.splits.values() for i in range(len(store)))


def test_too_many_bad_lines_are_an_error_that_says_the_way_out(prepare: Prepare) -> None:
    lines = [*SENTENCES[:90], *[""] * 10]
    with pytest.raises(DataError) as caught:
        prepare(lines)
    message = str(caught.value)
    assert "10 of 100 records are bad" in message
    assert "in.txt:91: blank" in message
    assert "and 5 more" in message
    assert "10.0%, more than data.max_rejected=0.05" in message
    assert "give data.max_rejected=0.10" in message or "give data.max_rejected=0.11" in message
    assert prepare(lines, max_rejected=0.11).rejected.count == 10
    with pytest.raises(DataError, match="10 of 100 records are bad"):
        prepare(lines)  # from the cache too


@pytest.mark.parametrize("kind", ["word", "sentencepiece"])
def test_raise_stops_at_the_first_bad_line(prepare: Prepare, kind: str) -> None:
    with pytest.raises(DataError, match=r"in.txt:3: blank \(data.on_error=raise"):
        prepare(["a", "b", "", "", "c"], {"kind": kind}, on_error="raise")


def test_raise_stops_at_a_bad_record_too(prepare: Prepare) -> None:
    with pytest.raises(DataError, match=r"in.txt:2: 4 steps, more than data.max_length=3 \(data.on_error=raise"):
        prepare(["a", "b c d", "c", "d"], on_error="raise", max_length=3)
    lines = [*SENTENCES, ""]
    prepare(lines)
    with pytest.raises(DataError, match=r"in.txt:301: blank"):
        prepare(lines, on_error="raise")


def test_a_record_that_the_codec_refuses_is_rejected_alone(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": s}) for s in [*SENTENCES, "\x1c \x1d."]) + "\n")
    prepared = prepare(str(tmp_path / "a.jsonl"))
    assert prepared.rejected.count == 0
    seen: list[str] = []
    codec = WordCodec()
    codec.fit(["a b"], 0)
    row = Row("a b", "f", 1)
    rows = [row, row._replace(record=" ", line=2), row]
    arrays = encode_each(codec, rows, lambda bad, reason: seen.append(f"{bad.line} {reason}"))
    assert [None if a is None else a.tolist() for a in arrays] == [[4, 5, 2], None, [4, 5, 2]]
    assert seen == ["2 no words"]


def test_nothing_to_train_on(prepare: Prepare, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"in.txt holds no training record: 2 of 2 records are bad: .*in.txt:1: blank"):
        prepare(["", " "], max_rejected=1.0)
    (tmp_path / "head.csv").write_text("text,label\n")
    with pytest.raises(DataError, match=r"head.csv holds no training record: it is empty"):
        prepare(str(tmp_path / "head.csv"))
    with pytest.raises(DataError, match="holds no training record"):
        prepare(["a b c", "d e f", "g h i"], max_length=2, max_rejected=1.0)


def test_labels_and_properties_reach_the_batch(prepare: Prepare, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,y,p\n" + "".join(f"word{i} x,{i % 3},{i / 2}\n" for i in range(40)))
    train = prepare(str(path), label="y", properties=("p",)).splits["train"]
    batch = train.batch(np.arange(len(train)))
    assert batch.labels is not None
    assert batch.properties is not None
    rows = [int(line) - 2 for line in train.lines]
    assert batch.labels.tolist() == [i % 3 for i in rows]
    assert batch.properties[:, 0].tolist() == [i / 2 for i in rows]


def test_class_names_are_numbered_over_all_files(prepare: Prepare, tmp_path: Path) -> None:
    """Two files that hold different classes agree on their numbers; an empty label is a missing one."""
    names = ["pig", "", "owl", "cat"]
    (tmp_path / "t.csv").write_text("text,y\n" + "".join(f"word{i},{names[i % 4]}\n" for i in range(40)))
    (tmp_path / "v.csv").write_text("text,y\nfirst,\nsecond,pig\nthird,ape\n")
    prepared = prepare(str(tmp_path / "t.csv"), label="y", valid=str(tmp_path / "v.csv"), test=0.0)
    assert prepared.classes == ("ape", "cat", "owl", "pig")
    back = prepared.splits
    assert back["train"].labels_of(range(8)).tolist() == [3, -1, 2, 1] * 2  # type: ignore[union-attr]
    assert back["valid"].label_tensor.tolist() == [-1, 3, 0]  # type: ignore[union-attr]
    assert prepare(str(tmp_path / "t.csv")).classes == ()


def test_a_name_among_numbers_is_rejected_by_its_line(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,y\n" + "".join(f"word{i},{i % 3}\n" for i in range(40)) + "odd,many\n")
    prepared = prepare(str(tmp_path / "t.csv"), label="y")
    assert prepared.classes == ("0", "1", "2")
    (bad,) = prepared.rejected.first
    assert (bad.line, bad.reason) == (42, "bad label 'many', expected a whole number, as the first one is")


def test_the_users_own_valid_file(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("held out\nheld out too\n")
    prepared = prepare(SENTENCES, valid=str(tmp_path / "v.txt"), test=0.0)
    assert {split: len(store) for split, store in prepared.splits.items()} == {"train": 300, "valid": 2}
    assert set(prepared.source_sha256) == {"all", "valid"}


def test_several_may_prepare_the_same_at_once(prepare: Prepare, tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text("\n".join(SENTENCES))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: prepare(str(tmp_path / "same.txt")), range(4)))
    assert len({prepared.folder for prepared in found}) == 1
    assert all(decoded(prepared) == decoded(found[0]) for prepared in found)
    assert [path.name for path in found[0].folder.parent.iterdir()] == [found[0].folder.name]


def test_a_damaged_folder_is_made_again(prepare: Prepare) -> None:
    first = prepare(SENTENCES)
    (first.folder / "prepared.json").write_text("{")
    assert not prepare(SENTENCES).cached
    (first.folder / "train" / "values.npy").unlink()
    with pytest.raises(DataError, match=r"prepared data is damaged: .*values.npy"):
        prepare(SENTENCES)


MEMORY = """
import resource, sys
from seqvae.data.prepare import prepare
from seqvae.data.settings import DataSettings
from seqvae.modalities.text.modality import TextModality
prepared = prepare(DataSettings(source=sys.argv[1]), TextModality(), {"kind": "word", "vocab_size": 500}, 0)
assert len(prepared.splits["train"]) > int(sys.argv[2]) * 0.8
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """Ten times the sentences, 16 MB of text more: a list of them anywhere would show (it costs 25 MB)."""
    peaks = []
    for count in (3_000, 30_000):
        with open(tmp_path / f"{count}.txt", "w") as file:
            file.writelines(f"{i} " + "some words " * 60 + "\n" for i in range(count))
        command = [sys.executable, "-c", MEMORY, str(tmp_path / f"{count}.txt"), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 12, peaks


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shared(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """Prepare real data once for all tests of this file."""
    monkeypatch.setenv("SEQVAE_CACHE", str(shared_cache))
    return lambda source, kind: room.prepare(DataSettings(source=source), TextModality(), {"kind": kind}, 0)


@pytest.fixture
def ptb(shared: Prepare, real_data: Path) -> Prepared:
    return shared("ptb", "word")


def test_ptb_counts_are_the_published_ones(ptb: Prepared) -> None:
    """10,000 words with <unk> and N; 82,430 target tokens over 3,761 test sentences, 21.917 each, EOS counted."""
    assert {split: len(store) for split, store in ptb.splits.items()} == {"train": 42068, "valid": 3370, "test": 3761}
    assert ptb.codec.spec.size == 3 + 9_999  # pad, bos and eos; then <unk> and the other 9,998 types
    test = ptb.splits["test"]
    assert int(test.lengths.sum()) == 82_430
    assert int(test.units.sum()) == 82_430 - 3_761
    assert test.lengths.sum() / len(test) == pytest.approx(21.917, abs=5e-4)


def test_ptb_comes_back_word_for_word(ptb: Prepared, real_data: Path) -> None:
    lines = (real_data / "text/ptb/test.txt").read_text().splitlines()
    assert decoded(ptb)["test"] == [line.strip() for line in lines]


@pytest.mark.parametrize("source", ["ptb", "yelp_short"])
@pytest.mark.parametrize("tokenizer", ["word", "sentencepiece"])
@pytest.mark.parametrize(("tokens", "size"), [(2048, None), (100_000, 32)])
def test_less_than_a_twentieth_of_real_data_is_padding(
    real_data: Path, source: str, tokenizer: str, tokens: int, size: int | None, shared: Prepare
) -> None:
    lengths = shared(source, tokenizer).splits["train"].lengths
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in bucket_batches(lengths, tokens, size, seed=0, epoch=0))
    assert lengths.sum() > 0.95 * padded


def test_yelp_labels(real_data: Path, shared: Prepare) -> None:
    store = shared("yelp_short", "word").splits["test"]
    lines = (real_data / "text/yelp_short/test.tsv").read_text().splitlines()
    batch = store.batch(np.arange(len(store)))
    assert batch.labels is not None
    assert batch.labels.tolist() == [int(line[0]) for line in lines]
