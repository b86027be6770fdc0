from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqvae.modalities.sketch.simplification import fit, resample, simplify


def distance_to_line(point: np.ndarray, line: np.ndarray) -> float:
    """By brute force: 500 places along every segment."""
    share = np.linspace(0, 1, 500)[:, None]
    pieces = [a + share * (b - a) for a, b in pairwise(line)]
    return float(min(np.hypot(*(piece - point).T).min() for piece in pieces))


@given(st.integers(0, 50), st.floats(0.1, 1.0))
def test_no_dropped_point_lies_further_than_epsilon(seed: int, epsilon: float) -> None:
    line = np.cumsum(np.random.default_rng(seed).normal(size=(15, 2)), axis=0)
    kept = simplify(line, epsilon)
    np.testing.assert_array_equal(kept[[0, -1]], line[[0, -1]])
    assert all(distance_to_line(point, kept) <= epsilon + 0.02 for point in line)


def test_by_hand() -> None:
    line = np.array([[0, 0], [1, 0.1], [2, -0.1], [3, 5], [4, 6], [5, 7], [6, 8.1], [7, 9], [8, 9], [9, 9]], float)
    assert simplify(line, 1.0).tolist() == [[0, 0], [2, -0.1], [3, 5], [7, 9], [9, 9]]  # the usual example of RDP
    assert simplify(np.zeros((5, 2)), 0.5).shape == (2, 2)  # a loop onto itself keeps its ends
    assert simplify(line[:1], 1.0).tolist() == [[0, 0]]


def test_a_closed_line_keeps_its_furthest_points() -> None:
    square = np.array([[0, 0], [5, 0], [10, 0], [10, 10], [0, 10], [0, 0]], float)
    assert simplify(square, 0.1).tolist() == [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]


def test_resampling_keeps_to_the_line_at_even_spacing() -> None:
    line = np.array([[0, 0], [3, 0], [3, 4]], float)
    points = resample(line, 0.5)
    np.testing.assert_allclose(np.hypot(*np.diff(points, axis=0).T), 0.5)
    assert len(points) == 15
    assert all(distance_to_line(point, line) < 1e-2 for point in points)
    assert resample(np.ones((4, 2)), 0.5).tolist() == [[1, 1]]


def test_fit_scales_the_longer_side_alone() -> None:
    lines = fit([np.array([[0, 0], [2, 1]], float), np.array([[4, 2]], float)], 255)
    assert np.ptp(np.concatenate(lines), axis=0).tolist() == pytest.approx([255, 127.5])
    assert fit([np.array([[7.0, 7.0]])], 255)[0].tolist() == [[7, 7]]
