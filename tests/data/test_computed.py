from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from seqvae.data.computed import compute, computed, property_functions, property_values
from seqvae.errors import ConfigError, DataError
from seqvae.modalities.text.modality import TextModality

TEXT = TextModality()


def test_a_column_a_function() -> None:
    functions = property_functions(TextModality(), ["words", "characters"])
    assert compute(functions, ["a bc", "def"]).tolist() == [[2, 4], [1, 3]]
    assert compute({}, ["a", "b"]).shape == (2, 0)


def test_one_bad_record_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    def inverse(records: list[int]) -> np.ndarray:
        return np.array([1 / record for record in records])

    with caplog.at_level(logging.WARNING, "seqvae"):
        values = computed("inverse", inverse, [1, 0, 4])
    assert str(values.tolist()) == "[1.0, nan, 0.25]"
    assert [record.message for record in caplog.records] == [
        "inverse failed on 1 of 3 records, which lack it; first 0: ZeroDivisionError: division by zero"
    ]


def test_an_answer_of_the_wrong_length_is_none() -> None:
    assert np.isnan(computed("short", lambda records: np.zeros(1), ["a", "b"])).sum() == 0  # asked one by one, it is right
    assert np.isnan(computed("none", lambda records: np.zeros(0), ["a", "b"])).all()


def test_names_that_are_no_property() -> None:
    with pytest.raises(ConfigError, match=r"text has no property 'wrods'; did you mean 'words'\?"):
        property_functions(TextModality(), ["wrods"])
    with pytest.raises(ConfigError, match="'os:system' is no property of text data"):
        property_functions(TextModality(), ["os:system"])

    class Silent:
        name = "silent"

    with pytest.raises(ConfigError, match="silent data has no computed properties, 'words' was asked for"):
        property_functions(Silent(), ["words"])


def test_values_that_a_user_gives() -> None:
    records = ["a", "bcd", ""]
    for given in ([1, 3, np.nan], np.array([1.0, 3.0, np.nan]), torch.tensor([1.0, 3.0, torch.nan])):
        assert str(property_values("length", given, records, 3, TEXT).tolist()) == "[1.0, 3.0, nan]"
    share = property_values("share", lambda record: record.count("a") / len(record), records, 3, TEXT)
    assert str(share.tolist()) == "[1.0, 0.0, nan]"
    assert share.dtype == torch.float32


def test_values_that_hang_on_a_graph() -> None:
    weight = torch.tensor(2.0, requires_grad=True)
    records = ["a", "bcd"]
    for given in (torch.tensor([1.0, 3.0]) * weight, lambda record: len(record) * weight):
        assert property_values("twice", given, records, 2, TEXT).tolist() == [2.0, 6.0]


def test_values_that_are_none() -> None:
    with pytest.raises(DataError, match=r"qed: expected 3 numbers, one a record, got shape \[2\]"):
        property_values("qed", [1.0, 2.0], ["a", "b", "c"], 3, TEXT)
    with pytest.raises(DataError, match="qed: every value is missing"):
        property_values("qed", lambda record: 1 / 0, ["a", "b"], 2, TEXT)
    with pytest.raises(DataError, match="qed: a function needs the records themselves"):
        property_values("qed", len, torch.zeros(2, 4), 2, TEXT)
