"""The start step, teacher forcing and the embedding, for tokens and for vectors."""

from __future__ import annotations

import torch

from seqvae.steps import StepEmbedding, StepSpec

TOKENS = StepSpec(size=9, bos=1)
STROKES = StepSpec(size=3, discrete=False, start=(0.0, 0.5, 1.0))


def test_the_start_is_bos_or_the_start_vector() -> None:
    assert TOKENS.start_step(2).tolist() == [1, 1]
    assert STROKES.start_step(2).tolist() == [[0.0, 0.5, 1.0]] * 2
    assert TOKENS.start_step(2, "meta").device.type == STROKES.start_step(2, "meta").device.type == "meta"


def test_shift_right_puts_the_start_first_and_drops_the_last() -> None:
    tokens = torch.tensor([[5, 6, 2], [7, 2, 0]])
    assert TOKENS.shift_right(tokens).tolist() == [[1, 5, 6], [1, 7, 2]]
    strokes = torch.arange(12, dtype=torch.float64).view(2, 2, 3)
    shifted = STROKES.shift_right(strokes)
    assert shifted.dtype == torch.float64
    assert shifted[:, 0].tolist() == [[0.0, 0.5, 1.0]] * 2
    assert torch.equal(shifted[:, 1], strokes[:, 0])


def test_tokens_are_looked_up_and_vectors_enter_as_they_are() -> None:
    table = StepEmbedding(TOKENS, 4)
    tokens = torch.tensor([[5, 6], [6, 0]])
    assert table.width == 4
    assert torch.equal(table(tokens)[0, 1], table.table.weight[6])
    assert torch.equal(table(tokens)[0, 1], table(tokens)[1, 0])
    assert table.table.weight.abs().max() <= 0.1
    as_is = StepEmbedding(STROKES, 4)
    strokes = torch.randn(2, 5, 3)
    assert as_is.width == 3
    assert as_is(strokes) is strokes
    assert not list(as_is.parameters())
