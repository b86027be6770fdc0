from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqvae.data.splits import SMALL, Splitter, digest_of


def assign(records: list[str], valid: float = 0.05, test: float = 0.05) -> list[str]:
    splitter = Splitter(valid, test)
    for record in records:
        if not splitter.see(digest_of(record)):
            break
    thresholds = splitter.thresholds()
    return [thresholds.split_of(digest_of(record)) for record in records]


def test_shares_are_kept_on_many_records() -> None:
    counts = Counter(assign([f"record {i}" for i in range(30_000)], valid=0.1, test=0.2))
    assert counts["valid"] / 30_000 == pytest.approx(0.1, abs=0.01)
    assert counts["test"] / 30_000 == pytest.approx(0.2, abs=0.01)


@given(st.sets(st.text(min_size=1), min_size=3, max_size=40), st.floats(0.01, 0.45), st.floats(0.01, 0.45))
def test_three_distinct_records_fill_three_splits(records: set[str], valid: float, test: float) -> None:
    assert set(assign(sorted(records), valid, test)) == {"train", "valid", "test"}


@pytest.mark.parametrize("records", [["a"], ["a", "a", "a"], ["a", "b"]])
def test_too_few_records_all_train(records: list[str]) -> None:
    assert set(assign(records)) == {"train"}


def test_a_share_of_zero_gives_no_split() -> None:
    assert set(assign([str(i) for i in range(50)], valid=0.0, test=0.1)) == {"train", "test"}
    assert set(assign([str(i) for i in range(50)], valid=0.0, test=0.0)) == {"train"}


@given(st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=60))
def test_duplicates_never_straddle_splits(records: list[str]) -> None:
    places = {}
    for record, split in zip(records, assign(records, 0.3, 0.3), strict=True):
        assert places.setdefault(record, split) == split


def test_a_growing_file_moves_no_record() -> None:
    records = [f"record {i}" for i in range(SMALL + 5000)]
    early, late = assign(records[:1000]), assign(records)
    assert early == late[:1000]


def test_digests_tell_content_apart() -> None:
    a = np.zeros((2, 3), np.float32)
    assert digest_of(a) == digest_of(a.copy())
    assert digest_of(a) != digest_of(a.reshape(3, 2))
    assert digest_of("a") != digest_of("b")
    assert digest_of([[1, 2, 0]]) == digest_of([[1, 2, 0]])
