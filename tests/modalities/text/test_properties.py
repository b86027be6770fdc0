from __future__ import annotations

import pytest

from seqvae.modalities.text.modality import TextModality
from seqvae.modalities.text.properties import edit_distance


def test_what_is_counted() -> None:
    text = TextModality()
    assert text.property_function("words")(["a b", ""]).tolist() == [2, 0]
    assert text.property_function("word_length")(["ab abcd"]).tolist() == [3]
    assert text.canonical("  a  b ") == "a b"
    assert text.canonical(" ") is None


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("kitten", "sitting", 3), ("saturday", "sunday", 3), ("", "abc", 3), ("abc", "abc", 0), ("ab", "ba", 2)],
)
def test_edit_distances_from_the_textbook(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


def test_similarity_of_pairs() -> None:
    assert TextModality().similarity(["a b c d", "x", ""], ["a b x d", "y z", ""]).tolist() == [0.75, 0.0, 1.0]
