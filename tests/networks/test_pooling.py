"""Poolings against sums written out."""

from __future__ import annotations

import torch

from seqvae.networks.pooling import Pool, max_pool, mean_pool

STATES = torch.tensor([[[1.0, -5.0], [3.0, -7.0], [99.0, 99.0]]], dtype=torch.float64)
MASK = torch.tensor([[True, True, False]])


def test_mean_and_max_read_real_steps_alone() -> None:
    assert mean_pool(STATES, MASK).tolist() == [[2.0, -6.0]]
    assert max_pool(STATES, MASK).tolist() == [[3.0, -5.0]]


def test_attention_weighs_by_a_learnt_direction() -> None:
    pool = Pool("attention", 2).double()
    with torch.no_grad():
        pool.query.copy_(torch.tensor([2.0, 1.0]))
    scores = torch.tensor([2 * 1 - 5.0, 2 * 3 - 7.0], dtype=torch.float64) / 2**0.5
    first, second = scores.softmax(0)
    expected = torch.stack([first * 1 + second * 3, -first * 5 - second * 7])
    torch.testing.assert_close(pool(STATES, MASK)[0], expected, rtol=0, atol=1e-12)


def test_means_are_summed_in_float32() -> None:
    states = torch.ones(1, 1000, 1).bfloat16()
    assert mean_pool(states, torch.ones(1, 1000, dtype=torch.bool)).item() == 1.0
