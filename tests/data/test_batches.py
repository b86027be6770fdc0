from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqvae.data.batches import Batches, bucket_batches, evaluation_batches
from seqvae.errors import ConfigError

LENGTHS = np.random.default_rng(0).integers(1, 40, 3000).astype(np.int32)

some_lengths = st.lists(st.integers(1, 60), min_size=8, max_size=300).map(lambda x: np.array(x, np.int32))


def as_lists(batches: Batches) -> list[list[int]]:
    return [batch.tolist() for batch in batches]


@settings(max_examples=60, deadline=None)
@given(some_lengths, st.integers(1, 200), st.none() | st.integers(4, 20), st.integers(0, 3), st.integers(1, 4))
def test_every_record_comes_once_over_all_ranks(lengths: np.ndarray, tokens: int, size: int | None, epoch: int, world: int) -> None:
    ranks = [bucket_batches(lengths, tokens, size, seed=1, epoch=epoch, rank=r, world=world) for r in range(world)]
    assert len({len(batches) for batches in ranks}) == 1
    seen = np.concatenate([batch for batches in ranks for batch in batches])
    assert sorted(seen.tolist()) == list(range(len(lengths)))
    assert all(len(batch) for batches in ranks for batch in batches)


@settings(max_examples=60, deadline=None)
@given(some_lengths, st.integers(1, 200), st.none() | st.integers(1, 20))
def test_no_batch_exceeds_its_budget_but_a_record_that_does_alone(lengths: np.ndarray, tokens: int, size: int | None) -> None:
    for batches in (bucket_batches(lengths, tokens, size, seed=0, epoch=0), evaluation_batches(lengths, tokens, size)):
        for batch in batches:
            assert len(batch) == 1 or len(batch) * lengths[batch].max() <= tokens
            assert size is None or len(batch) <= size


def test_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        return as_lists(bucket_batches(LENGTHS, 500, seed=seed, epoch=epoch))

    assert order(3, 5) == order(3, 5)
    assert order(3, 5) != order(3, 6)
    assert order(3, 5) != order(4, 5)
    assert order(0, 1) != order(1, 0)


def test_one_process_and_several_take_the_same_global_batches() -> None:
    alone = bucket_batches(LENGTHS, 500, seed=0, epoch=0)
    ranks = [bucket_batches(LENGTHS, 500, seed=0, epoch=0, rank=r, world=3) for r in range(3)]
    for i, batch in enumerate(alone):
        assert sorted(batch.tolist()) == sorted(np.concatenate([r[i] for r in ranks]).tolist())


def test_a_slice_resumes_where_the_whole_would_be() -> None:
    batches = bucket_batches(LENGTHS, 500, seed=0, epoch=2)
    assert as_lists(batches[7:]) == as_lists(batches)[7:]
    assert as_lists(batches[7:9]) == as_lists(batches)[7:9]
    assert batches[-1].tolist() == as_lists(batches)[-1]
    assert len(batches[len(batches) :]) == 0
    with pytest.raises(IndexError):
        batches[len(batches)]


def test_less_than_a_twentieth_is_padding() -> None:
    padded = sum(len(batch) * LENGTHS[batch].max() for batch in bucket_batches(LENGTHS, 500, seed=0, epoch=0))
    assert LENGTHS.sum() > 0.95 * padded


def test_batches_come_in_no_order_of_length() -> None:
    means = [LENGTHS[batch].mean() for batch in bucket_batches(LENGTHS, 500, seed=0, epoch=0)]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.3


def test_evaluation_goes_from_short_to_long() -> None:
    order = np.concatenate(list(evaluation_batches(LENGTHS, 500)))
    assert (np.diff(LENGTHS[order]) >= 0).all()
    assert sorted(order.tolist()) == list(range(len(LENGTHS)))


def test_fewer_records_than_processes_is_an_error() -> None:
    with pytest.raises(ConfigError, match="2 records cannot be shared among 3 processes"):
        bucket_batches(LENGTHS[:2], 500, seed=0, epoch=0, world=3)
    with pytest.raises(ConfigError, match="a batch of 2 cannot be shared among 3"):
        bucket_batches(LENGTHS, 500, 2, seed=0, epoch=0, world=3)
