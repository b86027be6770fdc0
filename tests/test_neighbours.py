"""Held against all pairs in float64, sorted stably."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from seqvae import neighbours
from seqvae.errors import ConfigError
from seqvae.neighbours import nearest_neighbours


def brute_force(queries: torch.Tensor, gallery: torch.Tensor, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    table = cdist(queries.flatten(1).double(), gallery.flatten(1).double(), metric)
    order = np.argsort(table, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(table, order, axis=1)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("event", [(5,), (2, 3)])
def test_as_all_pairs_say(metric, event, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 64)  # many blocks of a few columns
    monkeypatch.setattr(neighbours, "QUERIES", 3)
    queries, gallery = torch.randn(7, *event), torch.randn(101, *event)
    for k in (1, 10, 101):
        found = nearest_neighbours(queries, gallery, k, metric)
        index, distance = brute_force(queries, gallery, k, metric)
        assert found.rows.tolist() == index.tolist()
        torch.testing.assert_close(found.distances, torch.from_numpy(distance).float(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("block", [1, 7, 10**6])
def test_of_equals_the_first_comes_first_and_a_copy_is_at_zero(block, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    one, other = 100 * torch.randn(2, 64)
    gallery = torch.stack([other, one, one, other, one] * 20)
    found = nearest_neighbours(one[None], gallery, 100)
    ones = [row for row in range(100) if row % 5 in (1, 2, 4)]
    assert found.rows[0].tolist() == ones + [row for row in range(100) if row % 5 in (0, 3)]
    assert found.distances[0, :60].tolist() == [0.0] * 60
    assert found.distances[0, 60:].unique().numel() == 1


def test_far_from_the_origin_small_differences_still_count():
    """|a|^2 + |b|^2 - 2<a,b> in float32 would see nothing here: the squares are 1e8, the differences 1e-2."""
    gallery = torch.full((50, 1), 1e4) + torch.arange(50)[:, None] * 2**-7
    found = nearest_neighbours(gallery[20:21], gallery, 3)
    assert found.rows.tolist() == [[20, 19, 21]]


def test_lengths_do_not_count_among_directions():
    query, gallery = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.9, 0.1], [50.0, 0.0], [-1.0, 0.0]])
    assert nearest_neighbours(query, gallery, 3, "cosine").rows.tolist() == [[1, 0, 2]]
    assert nearest_neighbours(query, gallery, 3, "cosine").distances[0].tolist() == pytest.approx([0, 0.00611628, 2], abs=1e-6)
    assert nearest_neighbours(query, gallery, 3, "euclidean").rows.tolist() == [[0, 2, 1]]


@pytest.mark.parametrize("k", [0, 5, -1])
def test_more_than_there_are(k):
    with pytest.raises(ConfigError, match=rf"k={k}: there are 4 to choose among; give 1 to 4"):
        nearest_neighbours(torch.zeros(1, 2), torch.zeros(4, 2), k)
