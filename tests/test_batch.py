"""Masks, padding, turning around, and moving between devices."""

from __future__ import annotations

from collections.abc import Callable

import torch

from seqvae.batch import SequenceBatch, pad
from seqvae.steps import StepSpec


def test_mask_is_true_at_real_steps() -> None:
    batch = SequenceBatch(torch.zeros(3, 4, dtype=torch.int64), torch.tensor([4, 1, 2]))
    assert batch.mask.tolist() == [[True] * 4, [True, False, False, False], [True, True, False, False]]
    assert len(batch) == 3


def test_pad_stacks_and_counts() -> None:
    inputs, lengths = pad([torch.tensor([5, 6, 2]), torch.tensor([2])], value=9)
    assert inputs.tolist() == [[5, 6, 2], [2, 9, 9]]
    assert lengths.tolist() == [3, 1]
    vectors, _ = pad([torch.ones(1, 2), torch.ones(3, 2)])
    assert vectors.shape == (2, 3, 2)
    assert vectors[0, 1:].abs().max() == 0


def test_reversed_index_turns_each_sequence_and_leaves_padding() -> None:
    batch = SequenceBatch(torch.tensor([[5, 6, 7, 2], [5, 2, 0, 0], [2, 0, 0, 0]]), torch.tensor([4, 2, 1]))
    turned = batch.inputs.gather(1, batch.reversed_index())
    assert turned.tolist() == [[2, 7, 6, 5], [2, 5, 0, 0], [2, 0, 0, 0]]


def test_reversing_twice_is_nothing(make_batch: Callable[..., SequenceBatch], tokens: StepSpec) -> None:
    batch = make_batch(tokens)
    index = batch.reversed_index()
    assert torch.equal(batch.inputs.gather(1, index).gather(1, index), batch.inputs)


def test_to_moves_every_tensor_and_keeps_what_is_absent() -> None:
    inputs, lengths = torch.zeros(2, 3, dtype=torch.int64), torch.tensor([3, 2])
    source = SequenceBatch(inputs, lengths)
    batch = SequenceBatch(inputs, lengths, labels=torch.tensor([0, 1]), source=source)
    moved = batch.to("meta")
    assert {moved.inputs.device.type, moved.lengths.device.type, moved.labels.device.type} == {"meta"}
    assert moved.source.inputs.device.type == "meta"
    assert moved.properties is None
    assert moved.index is None


def test_the_encoder_reads_the_source_where_there_is_one() -> None:
    batch = SequenceBatch(torch.zeros(1, 2, dtype=torch.int64), torch.tensor([2]))
    noisy = SequenceBatch(torch.ones(1, 1, dtype=torch.int64), torch.tensor([1]))
    assert batch.encoder_view is batch
    assert SequenceBatch(batch.inputs, batch.lengths, source=noisy).encoder_view is noisy
