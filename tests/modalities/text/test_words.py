from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqvae import registry
from seqvae.errors import ConfigError, DataError
from seqvae.modalities.text.words import WordCodec

word = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1).filter(lambda w: w.split() == [w])


def fitted(records: list[str], **options: object) -> WordCodec:
    codec = WordCodec(**options)  # type: ignore[arg-type]
    codec.fit(records, seed=0)
    return codec


def test_ids_by_hand() -> None:
    codec = fitted(["the cat sat", "the dog sat", "the end"])
    # the 3, sat 2, then once each by spelling: cat dog end
    assert codec.pieces == ["the", "sat", "cat", "dog", "end"]
    assert codec.spec.size == 9
    (ids,) = codec.encode(["the cat flew"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [4, 6, 3, 2]
    assert codec.decode([ids]) == ["the cat <unk>"]


def test_unknown_in_the_text_is_the_unknown_word_and_no_word_of_its_own() -> None:
    codec = fitted(["a <unk> b", "<unk> <unk>"])
    assert codec.pieces == ["a", "b"]
    assert codec.encode(["<unk> a"])[0].tolist() == [3, 4, 2]


def test_other_specials_in_the_text_are_plain_words() -> None:
    codec = fitted(["<s> a </s> <pad>"])
    ids = codec.encode(["<s> a </s> <pad>"])[0]
    assert min(ids[:-1]) >= 4
    assert codec.decode([ids]) == ["<s> a </s> <pad>"]


def test_size_count_and_case() -> None:
    records = ["A a b", "a c b", "d"]
    assert fitted(records, vocab_size=6).pieces == ["a", "b"]
    assert fitted(records, min_count=2).pieces == ["a", "b"]
    assert fitted(records, lower=True).pieces == ["a", "b", "c", "d"]
    assert fitted(records, lower=True).encode(["A"])[0].tolist() == [4, 2]
    with pytest.raises(DataError, match=r"tokenizer.vocab_size=4 leaves no room for words"):
        WordCodec(vocab_size=4)


@given(st.lists(st.lists(word, min_size=1).map(" ".join), min_size=1, max_size=5))
def test_known_words_come_back(records: list[str]) -> None:
    codec = fitted(records)
    assert codec.decode(codec.encode(records)) == records


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1).map(" ".join), min_size=1), st.randoms())
def test_the_order_of_records_has_no_effect(records: list[str], random: object) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fitted(shuffled).fingerprint == fitted(records).fingerprint


def test_decoding_stops_at_the_first_end_and_takes_sequences_without_one() -> None:
    codec = fitted(["a b"])
    assert codec.decode([np.array([4, 2, 5, 2]), np.array([4, 5]), np.array([2]), np.array([1, 4, 0])]) == ["a", "a b", "", "a"]


@pytest.mark.parametrize("record", ["", "  ", "\n\t", "\u2003"])
def test_a_record_without_words_is_refused(record: str) -> None:
    with pytest.raises(DataError, match="no words"):
        fitted(["a"]).encode(["a", record])


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    codec = fitted(["ünï 日本 😀 a\u00a0b \u200bx"])
    codec.save(tmp_path)
    assert "words" in json.loads((tmp_path / "words.json").read_text("utf-8"))
    other = WordCodec()
    assert other.fingerprint != codec.fingerprint
    other.load(tmp_path)
    assert other.fingerprint == codec.fingerprint
    assert other.spec == codec.spec
    (tmp_path / "words.json").write_text("[]")
    with pytest.raises(DataError, match=r"no vocabulary of words in .*words.json"):
        other.load(tmp_path)


def test_units_are_words() -> None:
    assert WordCodec().units(" no it  was n't ") == 4


def test_it_is_found_by_name_and_checked_by_its_signature() -> None:
    assert isinstance(registry.build("tokenizer", {"kind": "word", "min_count": 2}), WordCodec)
    with pytest.raises(ConfigError, match=r"unknown tokenizer 'wrod'; did you mean 'word'\?"):
        registry.lookup("tokenizer", "wrod")
