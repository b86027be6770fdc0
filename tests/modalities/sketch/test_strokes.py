from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from seqvae.errors import DataError
from seqvae.modalities.sketch.strokes import checked, from_lines, to_lines, to_steps, to_strokes

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
RECORDS = (
    st.integers(1, 30)
    .flatmap(
        lambda n: st.tuples(
            arrays.arrays(np.float32, (n, 2), elements=FINITE), arrays.arrays(np.float32, (n, 1), elements=st.sampled_from([0, 1]))
        )
    )
    .map(lambda parts: np.hstack(parts))
)


@given(RECORDS)
def test_stroke_5_and_back_keeps_every_bit(record: np.ndarray) -> None:
    steps = to_steps(record)
    assert steps.dtype == np.float32
    assert steps.shape == (len(record) + 1, 5)
    np.testing.assert_array_equal(steps[:, 2:].sum(axis=1), 1)
    np.testing.assert_array_equal(steps[-1], [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(to_strokes(steps), record)
    np.testing.assert_array_equal(to_strokes(steps[:-1]), record)  # no end: all of it


def test_the_published_layout() -> None:
    """Rows are (dx, dy, p1 = 1 - lift, p2 = lift, p3 = 0) and the end is (0, 0, 0, 0, 1) (Ha & Eck 2017, section 3.1)."""
    steps = to_steps(np.array([[3, -4, 0], [1, 2, 1]], np.float32))
    np.testing.assert_array_equal(steps, [[3, -4, 1, 0, 0], [1, 2, 0, 1, 0], [0, 0, 0, 0, 1]])


def test_an_end_in_the_first_row_leaves_nothing() -> None:
    assert to_strokes(np.array([[5, 5, 0, 0, 1], [1, 1, 1, 0, 0]], np.float32)).shape == (0, 3)


def test_lines_are_centred_and_keep_their_shape() -> None:
    lines = [np.array([[100, 50], [110, 50]]), np.array([[100, 70]]), np.array([[104, 60], [106, 60], [105, 90]])]
    record = from_lines(lines)
    np.testing.assert_array_equal(record[:, 2], [0, 1, 1, 0, 0, 1])
    back = to_lines(record)
    assert [len(line) for line in back] == [2, 1, 3]
    for line, original in zip(back, lines, strict=True):
        np.testing.assert_allclose(line, original - [105, 70], atol=1e-5)


def test_a_last_line_without_a_lift_is_a_line() -> None:
    assert [line.tolist() for line in to_lines(np.array([[1, 1, 1], [1, 0, 0]]))] == [[[1, 1]], [[2, 1]]]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "no points"),
        ([[1, 2]], r"an array of shape \[n, 3\], got \[1, 2\]"),
        ([[1, 2, 3, 4, 5]], r"got \[1, 5\]"),
        ([[0, 0, 0], [1, float("nan"), 0]], "point 2 is not finite"),
        ([[0, 0, 0], [1, 1e300, 0]], "point 2 is not finite"),
        ([[0, 0, 2]], r"point 1: the pen is lifted \(1\) or not \(0\), got 2"),
        ([[0, 0, 0], [0, 0]], "expected rows of dx, dy, lift"),
        ("sheep", "expected rows of dx, dy, lift, got 'sheep'"),
        (None, "."),
    ],
)
def test_what_is_no_drawing_is_refused(record: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked(record)


def test_no_lines_are_no_drawing() -> None:
    with pytest.raises(DataError, match="no points"):
        from_lines([np.zeros((0, 2))])
