from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from seqvae.batch import SequenceBatch, pad
from seqvae.modalities.sketch.codec import StrokeCodec
from seqvae.modalities.sketch.reconstruction_loss import stroke_losses


@dataclass(frozen=True)
class Known:
    """Log probabilities that are known in advance, `[S,B,T]`."""

    offset: Tensor
    pen: Tensor

    def offset_log_prob(self, offset: Tensor) -> Tensor:
        return self.offset

    def pen_log_prob(self, pen: Tensor) -> Tensor:
        return self.pen


@pytest.fixture
def codec(drawing) -> StrokeCodec:
    codec = StrokeCodec()
    codec.fit([drawing(7), drawing(4)], seed=0)
    return codec


def batch_of(codec: StrokeCodec, *drawings: np.ndarray) -> SequenceBatch:
    inputs, lengths = pad([torch.from_numpy(steps) for steps in codec.encode(drawings)])
    return SequenceBatch(inputs, lengths)


def test_by_hand_in_numpy(codec, drawing) -> None:
    """Two drawings of 3 and 5 points, N_max 7, every sum written out; one offset so unlikely that the 1e-6 shows."""
    batch = batch_of(codec, drawing(3), drawing(5))
    chance = np.random.default_rng(0)
    offset, pen = chance.normal(-2, 3, (1, 2, 6)), -chance.random((1, 2, 6))
    offset[0, 0, 1] = -60.0
    found = stroke_losses([(Known(torch.tensor(offset), torch.tensor(pen)), batch)], codec)
    at = [(0, t) for t in range(3)] + [(1, t) for t in range(5)]
    l_s = sum(-np.log(np.exp(offset[0, b, t]) + 1e-6) for b, t in at)
    l_p = sum(-pen[0, b, t] for b, t in at)
    end = -pen[0, 0, 3] - pen[0, 1, 5]
    assert found["l_r_masked"] == pytest.approx((l_s + l_p) / (7 * 2))
    assert found["l_r_magenta"] == pytest.approx((l_s + l_p + end) / (7 * 2))
    assert found["nats_per_point"] == pytest.approx((sum(-offset[0, b, t] for b, t in at) + l_p) / 8)


def test_padding_and_batching_change_nothing(codec, drawing) -> None:
    from seqvae.likelihoods.stroke_mixture import StrokeMixtureLikelihood
    from seqvae.steps import StepEmbedding

    likelihood = StrokeMixtureLikelihood(codec.spec, 6, StepEmbedding(codec.spec, 1), components=3)
    together = batch_of(codec, drawing(3), drawing(5))
    features = torch.randn(2, 2, 6, 6)
    whole = stroke_losses([(likelihood.mixture(features), together)], codec)
    apart = [batch_of(codec, drawing(3)), batch_of(codec, drawing(5))]
    cut = [(likelihood.mixture(features[:, row : row + 1, : 4 + 2 * row]), batch) for row, batch in enumerate(apart)]
    assert stroke_losses(cut, codec) == pytest.approx(whole)
    distortion = -likelihood.log_prob(features, together).mean(0).sum()
    points_and_ends = whole["nats_per_point"] * 8 + (whole["l_r_magenta"] - whole["l_r_masked"]) * 14
    assert points_and_ends == pytest.approx(distortion.item(), rel=1e-5)  # the same nats, another way
