"""Optimisers: which groups they make of parameters, and how fast each learns."""

from __future__ import annotations

import torch
from torch import nn

from seqvae.learning_rates import rate_scale, set_rate_scale
from seqvae.training.optimizers import AdamW, Sgd


def parameters() -> list[nn.Parameter]:
    """A matrix and a vector at full rate, a matrix at half of it."""
    matrix, vector, slow = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2, 2))
    set_rate_scale(slow, 0.5)
    return [matrix, vector, slow]


def test_adamw_decays_matrices_and_keeps_each_rate() -> None:
    optimizer = AdamW(lr=0.1, weight_decay=0.3)(parameters())
    groups = [(group["lr"], group["weight_decay"], len(group["params"])) for group in optimizer.param_groups]
    assert groups == [(0.1, 0.3, 1), (0.1, 0.0, 1), (0.05, 0.3, 1)]


def test_sgd_moves_a_slow_weight_by_its_share() -> None:
    held = parameters()
    optimizer = Sgd(lr=0.1)(held)
    for parameter in held:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    torch.testing.assert_close([p.flatten()[0].item() for p in held], [-0.1, -0.1, -0.05])


def test_a_rate_survives_a_change_of_type() -> None:
    layer = nn.Linear(2, 2)
    set_rate_scale(layer.weight, 0.25)
    layer.to(torch.float64)
    assert rate_scale(layer.weight) == 0.25
    assert rate_scale(layer.bias) == 1.0
