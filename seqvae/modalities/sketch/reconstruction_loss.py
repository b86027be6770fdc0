"""Sketch-rnn's reconstruction loss L_R, which its numbers are quoted in, out of a likelihood's own terms (Ha & Eck 2017).

    L_s = -log(p(dx, dy) + 1e-6)   at each point            L_p = -log q(pen)   at each point, and where training ends it
    L_R = (sum L_s + sum L_p) / (N_max * drawings)

N_max is the length of the longest training drawing: an L_R compares only with one of the same data set. Two forms are in use.
`l_r_magenta` is what the published code prints while it trains: L_p also counts where the drawing ends. There every row up to
N_max has to say that the drawing has ended; a model that stops at its first end says so for certain, so those rows cost nothing
here. `l_r_masked` leaves out the end as well, as that code does when it is not training.

`nats_per_point` divides the points' own -log p(dx, dy, pen), without the 1e-6, by their number. Offsets are in units of the
codec's scale factor in all three.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.modalities.sketch.codec import StrokeCodec

EPSILON = 1e-6  # inside the published logarithm
END = 4


class Mixture(Protocol):
    """The distribution of the next step, as a stroke likelihood gives it."""

    def offset_log_prob(self, offset: Tensor) -> Tensor:
        """log p(dx, dy) in nats, `[...]`, of offsets `[...,2]`."""

    def pen_log_prob(self, pen: Tensor) -> Tensor:
        """log q(pen) in nats, `[...]`, of one-hot pen states `[...,3]`."""


def stroke_losses(scored: Iterable[tuple[Mixture, SequenceBatch]], codec: StrokeCodec) -> dict[str, float]:
    """`l_r_magenta`, `l_r_masked` and `nats_per_point` of a data set.

    Args:
        scored: batches, each with the distributions `[S,B,T]` that the decoder gives at its steps; samples are averaged.
        codec: fitted, so that it knows N_max.
    """
    sums = torch.zeros(4, dtype=torch.float64)
    records = points = 0
    for mixture, batch in scored:
        sums += _sums(mixture, batch).cpu()
        records += len(batch)
        points += int((batch.mask & (batch.inputs[..., END] == 0)).sum())
    offset, clipped, pen, end = sums.tolist()
    rows = max(1, codec.longest) * records
    return {
        "l_r_magenta": (clipped + pen + end) / rows,
        "l_r_masked": (clipped + pen) / rows,
        "nats_per_point": (offset + pen) / points,
    }


def _sums(mixture: Mixture, batch: SequenceBatch) -> Tensor:
    """-log p in nats, samples averaged: of offsets, of offsets as the published code has it, of pens at points, of pens at ends."""
    steps = batch.inputs.masked_fill(~batch.mask.unsqueeze(-1), 0.0)
    end = batch.mask & (steps[..., END] > 0)  # [B,T]
    point = batch.mask & ~end
    offset = mixture.offset_log_prob(steps[..., :2]).double()  # [S,B,T]
    pen = mixture.pen_log_prob(steps[..., 2:]).double()
    clipped = torch.logaddexp(offset, torch.full_like(offset, math.log(EPSILON)))
    terms = [(offset, point), (clipped, point), (pen, point), (pen, end)]
    return torch.stack([-term.masked_fill(~where, 0.0).mean(0).sum() for term, where in terms])
