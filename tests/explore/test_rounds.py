from __future__ import annotations

import numpy as np
import pytest
import torch

from seqvae.errors import ConfigError
from seqvae.explore import starts
from seqvae.explore.optimizer import LatentOptimizer
from seqvae.explore.oracle import Oracle
from seqvae.explore.rounds import in_rounds


def words(records):
    return np.array([len(record.split()) for record in records], np.float64)


@pytest.fixture
def begin(vae, sentences):
    begin = starts.from_records(vae, sentences)
    return starts.Starts(begin.z, begin.records, words(sentences)[:, None])


def test_each_round_spends_its_share_and_goes_on_from_the_best(vae, begin):
    oracle = Oracle({"words": words}, budget=12)
    rounds = in_rounds(LatentOptimizer(vae, {"words": 1.0}, steps=6), begin, oracle, 3, seed=0)
    assert [found.oracle_calls for found in rounds] == [4, 8, 12]
    known = dict(zip(begin.records, begin.values[:, 0].tolist(), strict=True))
    for found in rounds:
        best = sorted(known.values(), reverse=True)[:5]
        assert sorted((optimum.start_value for optimum in found.optima), reverse=True) == best
        pairs = zip(found.candidates.records, found.values[:, 0].tolist(), strict=True)
        known |= {record: value for record, value in pairs if value == value}


def test_later_rounds_climb_each_record_in_the_class_that_it_came_of(told, sentences):
    begin = starts.from_records(told, sentences, ["old", "new", "new", None, "old"])
    rounds = in_rounds(LatentOptimizer(told, {"words": 1.0}, steps=6), begin, Oracle({"words": words}, budget=40), 2, seed=0)
    second = rounds[1].starts
    assert set(second.records) - set(sentences)
    torch.testing.assert_close(second.z, told.encode(second.records, labels=second.told))
    found = {record: row for row, record in enumerate(rounds[0].candidates.records)}
    for record, label in zip(second.records, second.told.tolist(), strict=True):
        came_of = rounds[0].candidates.start[found[record]] if record in found else sentences.index(record)
        assert label == begin.told[came_of]


def test_rounds_need_a_budget(vae, begin):
    optimizer = LatentOptimizer(vae, {"words": 1.0})
    with pytest.raises(ConfigError, match="rounds=0: give at least 1"):
        in_rounds(optimizer, begin, Oracle({"words": words}, budget=3), 0)
    with pytest.raises(ConfigError, match="rounds=2 share a budget; give the oracle one"):
        in_rounds(optimizer, begin, Oracle({"words": words}), 2)
