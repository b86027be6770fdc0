from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqvae.errors import ConfigError
from seqvae.explore.goal import Goal
from seqvae.heads.property_heads import PropertyHeads


@pytest.fixture
def heads(make_head):
    heads = PropertyHeads({"p": make_head([1.0, 0.0], [3.0, 0.0]), "q": make_head([0.0, 1.0])})
    heads["p"].standardise(torch.tensor([8.0, 12.0]))  # mean 10, standard deviation 2
    return heads


def test_the_score_is_the_weighted_sum_of_means(heads):
    z = torch.tensor([[0.5, 4.0], [1.0, -1.0]])
    goal = Goal(heads, {"p": 1.0, "q": -0.5})
    assert goal.score(z).tolist() == pytest.approx([1.0 - 2.0, 2.0 + 0.5])
    assert goal.spread(z).tolist() == pytest.approx([0.5, 1.0])
    assert goal.predicted(z).tolist() == [[12.0, 4.0], [14.0, -1.0]]


def test_real_values_are_worth_what_such_predictions_would_be(heads):
    goal = Goal(heads, {"p": 1.0, "q": -0.5})
    z = torch.randn(5, 2)
    np.testing.assert_allclose(goal.worth(goal.predicted(z).double().numpy()), goal.score(z).detach().numpy(), rtol=1e-4, atol=1e-5)
    assert math.isnan(goal.worth(np.array([[1.0, math.nan]]))[0])


def test_a_class_is_worth_its_log_odds(make_head):
    goal = Goal(PropertyHeads({"c": make_head([2.0], kind="classification")}), {"c": 1.0})
    worth = goal.worth(np.array([[0.0], [0.5], [1.0]]))
    assert worth.tolist() == pytest.approx([-math.log(999), 0, math.log(999)])


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, r"nothing to climb; name a property that the model has a head for \(p, q\)"),
        ({"p": 0.0}, "p=0.0: give a weight that is a number other than 0"),
        ({"p": math.nan}, "p=nan: give a weight"),
        ({"P": 1.0}, "no head for 'P'; known: p, q"),
    ],
)
def test_goals_that_are_none(heads, weights, said):
    with pytest.raises(ConfigError, match=said):
        Goal(heads, weights)
