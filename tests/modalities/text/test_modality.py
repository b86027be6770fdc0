from __future__ import annotations

import math

import pytest

from seqvae import registry
from seqvae.errors import DataError
from seqvae.modalities.text.modality import TextModality

TEXT = TextModality()


def test_it_is_found_by_name() -> None:
    assert registry.lookup("modality", "text").cls is TextModality
    assert TEXT.name == "text"
    assert set(TEXT.readers) == {".txt", ".tsv", ".csv", ".jsonl", ".parquet"}


@pytest.mark.parametrize("argument", ["", " ", "\n\t", "\u2003"])
def test_an_empty_argument_is_refused(argument: str) -> None:
    with pytest.raises(DataError, match="an empty sentence has no latent; give at least one word"):
        TEXT.parse(argument)


def test_an_argument_is_kept_as_it_is() -> None:
    assert TEXT.parse(" the cat ") == " the cat "
    assert TEXT.to_json("the cat") == "the cat"
    with pytest.raises(DataError, match="is not UTF-8 text"):
        TEXT.parse("caf\udce9")  # how Python shows a byte that is no UTF-8 in an argument


def test_drawing_escapes_markup() -> None:
    assert TEXT.render("<unk> & <script>") == "<p>&lt;unk&gt; &amp; &lt;script&gt;</p>"


def test_perplexity_of_the_published_ptb_numbers() -> None:
    """101.92 nats a sentence over 21.917 target tokens a sentence is a perplexity of 104.61 (82,430 tokens, 3,761 sentences)."""
    found = TEXT.perplexities(nll_nats=101.92 * 3761, tokens=82_430, units=82_430 - 3761, records=3761)
    assert found["ppl_word"] == pytest.approx(104.61, abs=0.06)
    assert found["ppl_token"] == pytest.approx(found["ppl_word"])
    assert math.exp(101.92 / 21.917) == pytest.approx(104.61, abs=0.06)


def test_perplexities_divide_by_what_they_say() -> None:
    found = TEXT.perplexities(nll_nats=60.0, tokens=30, units=18, records=2)
    assert found == {"ppl_word": pytest.approx(math.exp(3)), "ppl_token": pytest.approx(math.exp(2))}


def test_reconstruction_of_the_same_and_of_nothing() -> None:
    sentences = ["the cat sat on the mat", "a dog barked at the moon"]
    assert TEXT.reconstruction_metrics(sentences, sentences) == {"reconstruction_exact": 1.0, "bleu": pytest.approx(100)}
    assert TEXT.reconstruction_metrics(sentences, ["x y z w v", "x y z w v"]) == {
        "reconstruction_exact": 0.0,
        "bleu": pytest.approx(0),
    }


def test_bleu_by_hand() -> None:
    """One hypothesis of 6 words against 6: precisions 5/6, 3/5, 2/4, 1/3, no brevity penalty (Papineni et al. 2002)."""
    found = TEXT.reconstruction_metrics(["the cat sat on the mat"], ["the dog sat on the mat"])
    expected = 100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert found == {"reconstruction_exact": 0.0, "bleu": pytest.approx(expected)}


def test_bleu_tokenises_by_white_space_alone() -> None:
    found = TEXT.reconstruction_metrics(["a b c did n't"], ["a b c did n't"])
    assert found["bleu"] == pytest.approx(100)
    assert TEXT.reconstruction_metrics(["a b c d e."], ["a b c d e ."])["bleu"] < 100
