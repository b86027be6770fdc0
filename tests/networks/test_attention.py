"""Attention against the formula: explicit concatenation, a full mask, angles by complex numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqvae.networks.attention import Attention, TransformerBlocks, attend, causal_mask, rotate, rotation

WIDTH, HEADS = 12, 2


def turned(states: Tensor, position: int = 0) -> Tensor:
    """Rotary by its definition: the pair (i, i + d/2) as one complex number, times exp(i t theta_i)."""
    half = states.shape[-1] // 2
    theta = 10_000.0 ** (-2 * torch.arange(half, dtype=torch.float64) / states.shape[-1])
    angle = torch.arange(position, position + states.shape[-2], dtype=torch.float64)[:, None] * theta
    pairs = torch.complex(states[..., :half], states[..., half:]) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([pairs.real, pairs.imag], dim=-1)


def by_hand(attention: Attention, states: Tensor, memory: Tensor) -> Tensor:
    """Attention position by position over an explicit list of keys and values, the memory slot first."""
    rows, steps, _ = states.shape
    parts = (states @ attention.query_key_value.weight.T).view(rows, steps, 3, HEADS, -1)
    query, key, value = (parts[:, :, i].transpose(1, 2) for i in range(3))
    query, key = turned(query), turned(key)
    result = torch.zeros_like(states)
    for t in range(steps):
        keys = torch.cat([memory, key[:, :, : t + 1]], dim=2)
        values = torch.cat([memory, value[:, :, : t + 1]], dim=2)
        scores = torch.einsum("rhd,rhpd->rhp", query[:, :, t], keys) / (WIDTH // HEADS) ** 0.5
        result[:, t] = torch.einsum("rhp,rhpd->rhd", scores.softmax(-1), values).flatten(1) @ attention.out.weight.T
    return result


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_memory_is_one_more_key_and_value_at_every_position(dtype: torch.dtype, near: float) -> None:
    attention = Attention(WIDTH, HEADS).to(dtype)
    states, memory = torch.randn(3, 6, WIDTH, dtype=dtype), torch.randn(3, HEADS, 1, WIDTH // HEADS, dtype=dtype)
    turn = rotation(0, 6, WIDTH // HEADS, states.device)
    attended, (key, value) = attention(states, turn, (memory, memory), causal_mask(6, 1, states.device))
    expected = by_hand(attention.double(), states.double(), memory.double())
    torch.testing.assert_close(attended.double(), expected, rtol=0, atol=near)
    assert key.shape == value.shape == (3, HEADS, 7, WIDTH // HEADS)


def test_the_causal_mask_is_aligned_to_the_lower_right() -> None:
    mask = causal_mask(4, 1, torch.device("cpu"))
    assert mask.tolist() == [[s <= t + 1 for s in range(5)] for t in range(4)]
    assert causal_mask(1, 9, torch.device("cpu")) is None


def test_a_zero_slot_still_takes_its_share_of_the_softmax() -> None:
    query, key, value = torch.randn(3, 1, 1, 4, 6, dtype=torch.float64)
    nothing = torch.zeros(1, 1, 1, 6, dtype=torch.float64)
    alone = attend(query, key, value, None)
    beside = attend(query, torch.cat([nothing, key], 2), torch.cat([nothing, value], 2), None)
    mass = (query @ key.transpose(-1, -2) / 6**0.5).exp().sum(-1, keepdim=True)
    torch.testing.assert_close(beside, alone * mass / (1 + mass), rtol=0, atol=1e-12)


@pytest.mark.parametrize("position", [0, 5])
def test_rotation_is_a_complex_power(position: int) -> None:
    states = torch.randn(2, 3, 4, 6, dtype=torch.float64)
    torch.testing.assert_close(
        rotate(states, rotation(position, 4, 6, states.device)), turned(states, position), rtol=0, atol=1e-12
    )


def test_scores_depend_on_distances_alone() -> None:
    query, key = torch.randn(2, 5, 6, dtype=torch.float64)
    near, far = (rotation(position, 5, 6, query.device) for position in (0, 1000))
    scores = [rotate(query, turn) @ rotate(key, turn).T for turn in (near, far)]
    torch.testing.assert_close(scores[0], scores[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("masked", [False, True])
def test_bf16_on_a_cpu_is_the_same_function(masked: bool) -> None:
    query, key, value = torch.randn(3, 2, 2, 5, 8).bfloat16()
    mask = causal_mask(5, 0, query.device) if masked else None
    attended = attend(query, key, value, mask)
    assert attended.dtype == torch.bfloat16
    exact = attend(query.double(), key.double(), value.double(), mask)
    torch.testing.assert_close(attended.double(), exact, rtol=0, atol=0.03)


def test_what_writes_into_the_stream_starts_small() -> None:
    blocks = TransformerBlocks(64, layers=8, heads=2, feed_forward=256, dropout=0.0)
    assert abs(blocks.blocks[3].out.weight.std() / (0.02 / 4) - 1) < 0.05
    assert abs(blocks.blocks[3].inner.weight.std() / 0.02 - 1) < 0.05
