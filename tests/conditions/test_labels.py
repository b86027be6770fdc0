"""One for all, or one for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqvae.conditions.labels import one_each
from seqvae.errors import ConfigError


@pytest.mark.parametrize("given", ["cat", 1, np.int64(1), None, np.array(1), torch.tensor(1)], ids=repr)
def test_one_is_for_all(given: Any) -> None:
    assert one_each(given, 3) == [given] * 3


@pytest.mark.parametrize("given", [["cat", None], ("cat", None), iter(["cat", None])], ids=["list", "tuple", "iterator"])
def test_as_many_as_there_are_records_are_for_each(given: Any) -> None:
    assert one_each(given, 2) == ["cat", None]


@pytest.mark.parametrize("given", [np.array([1, -1]), torch.tensor([1, -1])], ids=["array", "tensor"])
def test_numbers_come_out_plain(given: Any) -> None:
    assert [type(label) for label in one_each(given, 2)] == [int, int]
    assert one_each(given, 2) == [1, -1]


def test_any_other_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="labels: 2 were given for 3 records; give one for each, or one for all"):
        one_each(["cat", "owl"], 3)
