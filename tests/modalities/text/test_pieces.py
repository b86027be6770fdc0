from __future__ import annotations

import itertools
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from seqvae.errors import DataError
from seqvae.modalities.text.pieces import PieceCodec, escape, unescape

CORPUS = [
    f"{a} {b} {c}."
    for a in ("The cat", "A dog", "My friend")
    for b in ("sees", "likes", "hears")
    for c in ("music", "the sea", "42")
]
NASTY = [
    "<unk>",
    "<s>",
    "</s>",
    "<pad>",
    "<0x41>",
    "<0x0A>",
    " ",
    "  ",
    "\u2581",
    "\ue000",
    "\ue0000",
    "\ue0001",
    "\n",
    "\r\n",
    "\0",
    "\t",
    "\u2585",
]
NASTY += ["😀", "👩‍👩‍👧", "e\u0301", "\u202eabc", "שלום", "\ufffd", "\ufeff", " ⁇ ", "İ", "ﬁ", "\u00a0", "\u200b", "\U0010ffff"]


@cache
def codec(size: int = 400) -> PieceCodec:
    fitted = PieceCodec(vocab_size=size)
    fitted.fit(CORPUS, seed=0)
    return fitted


any_text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
nasty_text = st.lists(st.sampled_from([*NASTY, "The", "cat", " sees"]), min_size=1).map("".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(any_text | nasty_text, min_size=1, max_size=4))
def test_any_text_comes_back_byte_for_byte(records: list[str]) -> None:
    encoded = codec().encode(records)
    assert codec().decode(encoded) == records
    for ids in encoded:
        assert ids.dtype == np.int32
        assert ids[-1] == 2
        assert (ids[:-1] > 3).all()  # no special inside
        assert (ids < codec().spec.size).all()


@pytest.mark.parametrize("text", NASTY)
def test_what_sentencepiece_would_confuse(text: str) -> None:
    for around in ("{}", " {}", "{} ", "a{}b", "a {} b", "{}{}"):
        record = around.replace("{}", text)
        assert codec().decode(codec().encode([record])) == [record]


def test_escapes_are_reversible_on_every_short_string() -> None:
    for length in range(5):
        for letters in itertools.product("\u2581\ue00001a ", repeat=length):
            text = "".join(letters)
            assert unescape(escape(text)) == text
            assert "\u2581" not in escape(text)


@given(any_text)
def test_unescaping_takes_anything_a_model_may_write(text: str) -> None:
    unescape(text)


def test_decoding_stops_at_the_first_end_and_takes_sequences_without_one() -> None:
    (ids,) = codec().encode(["The cat"])
    text = [*ids[:-1].tolist()]
    cases = [[*text, 2, *text, 2], text, [2], [1, *text, 0, 0], [codec().spec.size - 1]]
    decoded = codec().decode([np.array(case) for case in cases])
    assert decoded[:4] == ["The cat", "The cat", "", "The cat"]


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(DataError, match="empty"):
        codec().encode(["a", ""])
    with pytest.raises(DataError, match="lone surrogate"):
        codec().encode(["a", "b\ud800"])


@pytest.mark.parametrize("corpus", [["a"], ["hello"], ["日本"], ["a b", "c"], ["x" * 50], ["ab"] * 3, ["\0a", "\u2585b"]])
def test_a_tiny_corpus_is_enough(corpus: list[str]) -> None:
    tiny = PieceCodec()
    tiny.fit(corpus, seed=0)
    assert tiny.spec.size < 8000
    assert tiny.decode(tiny.encode([*corpus, "anything else"])) == [*corpus, "anything else"]


def test_too_few_pieces_say_so() -> None:
    with pytest.raises(
        DataError, match=r"cannot learn tokenizer.vocab_size=100 pieces: Vocabulary size is smaller than required_chars"
    ):
        PieceCodec(vocab_size=100).fit(CORPUS, seed=0)


def test_nothing_to_learn_from_says_so() -> None:
    with pytest.raises(DataError, match="there is no sentence to learn from"):
        PieceCodec().fit([], seed=0)


def test_the_size_is_a_limit() -> None:
    assert codec(300).spec.size <= 300
    assert codec(300).spec.size > 260


TRAIN = """
from seqvae.modalities.text.pieces import PieceCodec
codec = PieceCodec(vocab_size=400)
codec.fit([f"{a} sees {b} {c}" for a in ("cat", "dog", "friend") for b in range(40) for c in ("day", "night")], seed=3)
print(codec.fingerprint)
"""


def test_training_is_the_same_in_every_process() -> None:
    found = set()
    for threads in ("1", "2"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, env=environment, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    codec().save(tmp_path)
    other = PieceCodec(vocab_size=400)
    other.load(tmp_path)
    assert other.fingerprint == codec().fingerprint
    assert other.spec == codec().spec
    assert other.decode(codec().encode(CORPUS)) == CORPUS
    sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "pieces.model"))  # any other program can read it
    (tmp_path / "pieces.model").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="not a SentencePiece model"):
        other.load(tmp_path)
    with pytest.raises(DataError, match=r"no pieces in .*nowhere"):
        other.load(tmp_path / "nowhere")


def pretrained(tmp_path: Path) -> Path:
    """A model numbered another way, as T5's: pad 0, eos 1, unk 2, no bos; it normalises and knows no bytes."""
    prefix = tmp_path / "other"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS),
        model_prefix=str(prefix),
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    return prefix.with_suffix(".model")


def test_a_pretrained_model_is_renumbered(tmp_path: Path) -> None:
    path = pretrained(tmp_path)
    given_model = PieceCodec(model=str(path))
    before = given_model.fingerprint
    given_model.fit(["never looked at"], seed=0)
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    assert given_model.spec.size == theirs.vocab_size() - 3 + 4
    assert given_model.decode(given_model.encode(CORPUS)) == CORPUS
    (ids,) = given_model.encode(["The cat"])
    assert [int(i) - 4 + 3 for i in ids[:-1]] == theirs.encode("The cat")
    path.unlink()  # a saved codec needs the file no more
    given_model.save(tmp_path)
    other = PieceCodec(model=str(path))
    other.load(tmp_path)
    assert other.fingerprint == given_model.fingerprint != before
    with pytest.raises(DataError, match=r"cannot read tokenizer.model=.*No such file"):
        PieceCodec(model=str(path)).fit([], seed=0)


def test_units_are_words() -> None:
    assert codec().units(" two  words ") == 2
