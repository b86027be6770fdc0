"""Each kind of head against its formula, worked out on paper or by numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from seqvae import registry
from seqvae.errors import DataError

ONE = torch.Size([1])


def linear(kind: str, *slopes: float) -> Any:
    """A head whose members are z -> slope z."""
    head = registry.build("head", {"kind": kind, "depth": 0, "ensemble": len(slopes)}, ONE).double()
    with torch.no_grad():
        head.network.layers[0].weight.copy_(torch.tensor(slopes).view(-1, 1, 1))
        head.network.layers[0].bias.zero_()
    return head


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_regression_by_hand() -> None:
    head = linear("regression", 1.0, 3.0)
    head.standardise(column(10, 14, math.nan))  # mean 12, standard deviation 2
    z = column(0.5)[:, None]
    mean, spread = head.predict(z)  # members 13 and 15
    assert (mean.item(), spread.item()) == (14, 1)
    assert head.loss(z, column(13)).item() == pytest.approx((0.0 + 0.5 * 1.0) / 2)
    assert head(z).flatten().tolist() == [0.5, 1.5]


def test_regression_metrics_by_numpy() -> None:
    target, predicted = np.array([1.0, 2.0, 4.0, np.nan]), np.array([1.5, 2.0, 3.0, 7.0])
    found = linear("regression", 1.0).metrics(torch.from_numpy(predicted), torch.from_numpy(target))
    known = target[:3]
    assert found["count"] == 3
    assert found["mae"] == pytest.approx(0.5)
    assert found["r2"] == pytest.approx(1 - 1.25 / (known.var() * 3))


def test_labels_that_are_all_one_have_no_r2_and_keep_their_unit() -> None:
    head = linear("regression", 1.0)
    head.standardise(column(3, 3))
    assert (head.mean.item(), head.scale.item()) == (3, 1)
    assert "r2" not in head.metrics(column(3, 3), column(3, 3))


def test_classification_by_hand() -> None:
    head = linear("classification", 2.0)
    z = column(1.5, 1.5)[:, None]
    chance = 1 / (1 + math.exp(-3))
    assert head.predict(z).mean[0].item() == pytest.approx(chance)
    assert head.loss(z, column(1, 0)).tolist() == pytest.approx([-math.log(chance), -math.log(1 - chance)])
    found = head.metrics(column(0.9, 0.2, 0.6, 0.1), column(1, 0, 0, math.nan))
    assert found["count"] == 3
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["log_loss"] == pytest.approx(-(math.log(0.9) + math.log(0.8) + math.log(0.4)) / 3)


def test_classification_wants_yes_or_no() -> None:
    with pytest.raises(DataError, match=r"tells two classes apart, 0 and 1, got 2; to predict a number use"):
        linear("classification", 1.0).standardise(column(0, 1, 2))
