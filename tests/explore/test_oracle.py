from __future__ import annotations

import numpy as np
import pytest

from seqvae.errors import ConfigError, DataError
from seqvae.explore.oracle import Oracle


class Counted:
    """How long a record is; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, records):
        self.asked += records
        return np.array([1 / len(record) for record in records])


def test_each_record_is_computed_once():
    count = Counted()
    oracle = Oracle({"p": count})
    assert oracle.ask(["a", "bb", "a"])[:, 0].tolist() == [1, 0.5, 1]
    assert oracle.ask(["bb", "cccc"])[:, 0].tolist() == [0.5, 0.25]
    assert count.asked == ["a", "bb", "cccc"]
    assert oracle.calls == 3


def test_what_was_told_costs_nothing():
    count = Counted()
    oracle = Oracle({"p": count})
    oracle.tell(["a", "bb"], np.array([[7.0], [np.nan]]))
    assert oracle.ask(["a", "bb"])[:, 0].tolist() == [7, 0.5]
    assert oracle.calls == 1


def test_the_budget_goes_to_the_first():
    oracle = Oracle({"p": Counted()}, budget=2)
    assert str(oracle.ask(["a", "a", "bb", "cccc"])[:, 0].tolist()) == "[1.0, 1.0, 0.5, nan]"
    assert str(oracle.ask(["a", "cccc"])[:, 0].tolist()) == "[1.0, nan]"
    assert oracle.calls == 2
    with pytest.raises(ConfigError, match="calls=-1: give 0 or more"):
        Oracle({}, budget=-1)


def test_a_property_that_fails_here_and_there():
    oracle = Oracle({"p": Counted()})
    assert str(oracle.ask(["", "bb"])[:, 0].tolist()) == "[nan, 0.5]"
    assert oracle.calls == 2  # it was computed, to no avail, and is not tried again
    assert np.isnan(oracle.ask([""])).all()
    assert oracle.calls == 2


def test_a_property_that_fails_everywhere():
    with pytest.raises(DataError, match="p gave no number for any of 2 records"):
        Oracle({"p": lambda records: 1 / 0}).ask(["a", "b"])


def test_without_functions_only_what_was_told_is_known():
    oracle = Oracle({}, width=2)
    oracle.tell(["a"], np.array([[1.0, 2.0]]))
    assert str(oracle.ask(["a", "b"]).tolist()) == "[[1.0, 2.0], [nan, nan]]"
    assert oracle.calls == 0
