from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqvae.errors import DataError
from seqvae.modalities.sketch.codec import StrokeCodec


@pytest.fixture
def fitted(drawing) -> StrokeCodec:
    codec = StrokeCodec()
    codec.fit([drawing(9, seed) for seed in range(40)], seed=0)
    return codec


def test_round_trip(fitted, drawing) -> None:
    records = [drawing(n, n, scale=30.0) for n in (1, 2, 50)]
    for record, back in zip(records, fitted.decode(fitted.encode(records)), strict=True):
        assert back.dtype == np.float32
        np.testing.assert_array_equal(back[:, 2], record[:, 2])
        np.testing.assert_allclose(back, record, rtol=2e-7)  # one rounding on the way there, one on the way back


def test_whole_numbers_come_back_as_they_were(fitted) -> None:
    record = np.random.default_rng(0).integers(-1000, 1000, (200, 3)).astype(np.float32)
    record[:, 2] = record[:, 2] > 0
    np.testing.assert_array_equal(np.rint(fitted.decode(fitted.encode([record]))[0]), record)


def test_the_scale_is_the_deviation_of_all_training_offsets(drawing) -> None:
    records = [drawing(n, n) for n in range(3, 30)]
    codec = StrokeCodec()
    codec.fit(records, seed=0)
    assert codec.scale == pytest.approx(np.std(np.concatenate(records)[:, :2]), rel=1e-6)
    assert codec.longest == 29
    assert np.concatenate(codec.encode(records))[:, :2].std() == pytest.approx(1, rel=0.05)  # the end rows are zeros


def test_a_given_scale_is_kept(drawing) -> None:
    codec = StrokeCodec(scale=2.0)
    codec.fit([drawing()], seed=0)
    assert codec.scale == 2.0
    assert codec.encode([[[4, -2, 1]]])[0].tolist() == [[2, -1, 0, 1, 0], [0, 0, 0, 0, 1]]


def test_one_broken_record_does_not_rescale_the_rest(drawing) -> None:
    good = [drawing(20, seed) for seed in range(10)]
    codec, clean = StrokeCodec(), StrokeCodec()
    clean.fit(good, seed=0)
    broken = np.array([[1e30, 0, 0], [1, 1, 1]], np.float32)
    codec.fit([*good, broken, [[1, float("nan"), 0]]], seed=0)
    assert codec.scale == clean.scale
    with pytest.raises(DataError, match=r"an offset is [\d.]+e\+28 times the scale factor \d+.*; no drawing's is more than 100"):
        codec.encode([broken])


@pytest.mark.parametrize("record", [np.zeros((2000, 3)), [[0, 0, 1]], [[0, 0, 0]], [[1e-30, 0, 0]] * 3])
def test_odd_drawings_are_finite(fitted, record) -> None:
    alone = StrokeCodec()
    alone.fit([record], seed=0)
    for codec in (fitted, alone):
        steps = codec.encode([record])[0]
        assert np.isfinite(steps).all()
        assert np.abs(steps).max() <= 100
        assert codec.decode([steps])[0].shape == np.shape(record)


def test_what_is_saved_is_loaded(fitted, drawing, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    other = StrokeCodec()
    assert other.fingerprint != fitted.fingerprint
    other.load(tmp_path)
    assert other.fingerprint == fitted.fingerprint
    np.testing.assert_array_equal(other.encode([drawing()])[0], fitted.encode([drawing()])[0])
    (tmp_path / "strokes.json").write_text("{}")
    with pytest.raises(DataError, match="no scale of strokes in"):
        other.load(tmp_path)


def test_options_are_in_the_fingerprint() -> None:
    prints = {
        StrokeCodec(**options).fingerprint for options in ({}, {"scale": 2.0}, {"size": 2.0}, {"spacing": 2.0}, {"epsilon": 2.0})
    }
    assert len(prints) == 5


def test_simplification_as_quickdraw_does_it() -> None:
    """A circle of 1,000 points, its diameter made 255: RDP with epsilon 2 keeps few of them, and the circle a circle."""
    angle = np.linspace(0, 2 * np.pi, 1000)
    points = 7 * np.column_stack([np.cos(angle), np.sin(angle)])
    record = np.column_stack([np.diff(points, axis=0, prepend=0), angle == angle[-1]])
    codec = StrokeCodec(scale=10.0, size=255, spacing=1, epsilon=2)
    back = codec.decode(codec.encode([record]))[0]
    assert 8 < len(back) == codec.units(record) < 40
    radii = np.hypot(*np.cumsum(back[:, :2], axis=0).T)
    np.testing.assert_allclose(radii, 127.5, atol=2.0)
