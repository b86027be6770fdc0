"""YAML as recipes are written."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seqvae import strict_yaml

TEXT = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1e-3", 1e-3), ("1E5", 1e5), ("1.5e3", 1500.0), ("-2e-4", -2e-4), (".5e1", 5.0), ("2.e2", 200.0)],
        *[("3", 3), ("0.5", 0.5), ("1.", 1.0), (".inf", math.inf)],
    ],
)
def test_numbers_with_an_exponent_are_numbers(text: str, value: float) -> None:
    found = strict_yaml.load(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["e3", "1e", "1e3x", "x1e3", "1e-3-4", "e-3", "'1e-3'", "seed1e3", "."])
def test_what_only_looks_like_a_number_stays_text(text: str) -> None:
    assert strict_yaml.load(text) == text.strip("'")


@pytest.mark.parametrize(
    "text",
    ["a: 1\na: 2", "a: {b: 1, b: 1}", "- {a: 1, c: 2, a: 3}", "'a': 1\na: 2"],
)
def test_a_key_that_stands_twice_is_an_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="stands twice"):
        strict_yaml.load(text)


def test_the_same_key_in_two_mappings_is_fine() -> None:
    assert strict_yaml.load("a: {k: 1}\nb: {k: 2}") == {"a": {"k": 1}, "b": {"k": 2}}
    assert strict_yaml.load("base: &b {k: 1, l: 2}\nb: {<<: *b, k: 3}") == {"base": {"k": 1, "l": 2}, "b": {"k": 3, "l": 2}}


def test_nothing_but_plain_values_can_be_made() -> None:
    with pytest.raises(yaml.YAMLError):
        strict_yaml.load("!!python/object/apply:os.getcwd []")


@given(PLAIN)
def test_what_is_dumped_is_loaded_back(value: object) -> None:
    text = strict_yaml.dump(value)
    found = strict_yaml.load(text)
    assert found == value
    assert yaml.safe_load(text) == value or "e" in text.lower()  # any other reader agrees, exponents apart


@pytest.mark.parametrize("text", ["1e3", "1.5e3", "yes", "null", "3", ""])
def test_strings_that_look_like_something_else_stay_strings(text: str) -> None:
    assert strict_yaml.load(strict_yaml.dump({"out": text})) == {"out": text}


def test_order_and_letters_are_kept() -> None:
    assert strict_yaml.dump({"z": "é", "a": math.inf}) == "z: é\na: .inf\n"
