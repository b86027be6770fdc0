from __future__ import annotations

import numpy as np
import pytest
import torch

from seqvae import registry
from seqvae.batch import SequenceBatch, pad
from seqvae.errors import ConfigError
from seqvae.modalities.sketch.augmentation import StrokeAugmentation, merge, mergeable
from seqvae.modalities.sketch.codec import StrokeCodec
from seqvae.modalities.sketch.strokes import to_lines, to_steps, to_strokes
from seqvae.steps import StepSpec

STROKES = StrokeCodec().spec


def batch_of(*drawings: np.ndarray) -> SequenceBatch:
    return SequenceBatch(*pad([torch.from_numpy(to_steps(drawing)) for drawing in drawings]))


def one_by_one(drawing: np.ndarray, go: np.ndarray) -> np.ndarray:
    """The published rule, a point at a time: inside a stroke, after more than two points, one that `go`es joins the one before."""
    kept: list[np.ndarray] = []
    count, lifted = 0, 1.0
    for point, goes in zip(drawing, go, strict=True):
        count = 0 if point[2] == 1 or lifted == 1 else count + 1
        if point[2] == 0 and lifted == 0 and count > 2 and goes:
            kept[-1][:2] += point[:2]
        else:
            kept.append(point.copy())
            lifted = point[2]
    return np.array(kept)


def test_it_is_found_by_name() -> None:
    assert registry.lookup("augmentation", "strokes").cls is StrokeAugmentation


@pytest.mark.parametrize("seed", range(8))
def test_merging_is_the_published_rule(drawing, seed: int) -> None:
    drawings = [drawing(30, seed), drawing(5, seed + 100), drawing(17, seed + 200)]
    batch = batch_of(*drawings)
    go = np.random.default_rng(seed).random(batch.mask.shape) < 0.5
    inputs, lengths = merge(batch.inputs, batch.mask, torch.from_numpy(go) & mergeable(batch))
    for row, original in enumerate(drawings):
        expected = one_by_one(original, go[row, : len(original)])
        assert len(expected) + 1 == lengths[row]
        np.testing.assert_allclose(to_strokes(inputs[row].numpy()), expected, rtol=1e-5, atol=1e-4)
        assert inputs[row, lengths[row] - 1].tolist() == [0, 0, 0, 0, 1]
        assert not inputs[row, lengths[row] :].any()


def test_strokes_end_where_they_ended(drawing) -> None:
    """Whatever is merged, every pen stroke ends at the same place, and there are as many."""
    original = drawing(60, scale=3.0)
    augment = StrokeAugmentation(STROKES, scale=0.0, drop=0.9)
    augmented = to_strokes(augment(batch_of(original)).inputs[0].numpy())
    assert len(augmented) < len(original)
    ends, expected = ([line[-1] for line in to_lines(record)] for record in (augmented, original))
    np.testing.assert_allclose(ends, expected, atol=1e-3)


def test_scales_stay_in_their_range_and_differ_by_axis_and_drawing(drawing) -> None:
    batch = batch_of(*[drawing(6)] * 200)
    ratios = (StrokeAugmentation(STROKES, scale=0.15, drop=0.0)(batch).inputs[:, :6, :2] / batch.inputs[:, :6, :2]).numpy()
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:, :1], ratios.shape), rtol=1e-5)
    scales = ratios[:, 0]
    assert 0.85 <= scales.min() < 0.86
    assert 1.14 < scales.max() <= 1.15
    assert abs(np.corrcoef(scales.T)[0, 1]) < 0.2


def test_share_of_merged_points() -> None:
    """2,000 points in one stroke: of those that may go a tenth does, within four standard deviations."""
    drawing = np.ones((2000, 3), np.float32) * [1, 0, 0]
    gone = 2001 - int(StrokeAugmentation(STROKES, drop=0.1)(batch_of(drawing.astype(np.float32))).lengths[0])
    assert abs(gone - 199.7) < 4 * np.sqrt(1997 * 0.1 * 0.9)


def test_the_same_seed_gives_the_same_drawings(drawing) -> None:
    augment, found = StrokeAugmentation(STROKES), []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(augment(batch_of(drawing(50), drawing(9))))
    assert torch.equal(found[0].inputs, found[1].inputs)
    assert torch.equal(found[0].lengths, found[1].lengths)


def test_tokens_have_no_strokes() -> None:
    with pytest.raises(ConfigError, match=r"training.augmentation=strokes changes pen strokes"):
        StrokeAugmentation(StepSpec(size=9))


@pytest.mark.parametrize("record", [np.zeros((2000, 3)), [[0, 0, 1]], [[0, 0, 0]], [[1e30, -1e30, 0]] * 5])
def test_odd_drawings_survive(record) -> None:
    augmented = StrokeAugmentation(STROKES, drop=0.9)(batch_of(np.array(record, np.float32)))
    assert torch.isfinite(augmented.inputs).all()
    assert (augmented.lengths >= 2).all()
