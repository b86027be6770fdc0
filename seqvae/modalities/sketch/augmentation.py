"""Augmentation of drawings while training, as sketch-rnn's published code has it (Ha & Eck 2017, arXiv 1704.03477).

Each drawing's x and y are scaled by factors of their own, uniform in [1 - scale, 1 + scale]. Inside a pen stroke, from its fourth
point on, a point may be merged with the one kept before it: its offset is added there, so that the pen goes straight to where it
would have gone. The last point of a stroke always stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.registry import register
from seqvae.steps import StepSpec

UP, END = 3, 4  # columns of a step
SPARED = 3  # points at the beginning of a pen stroke that are never merged away


@register("augmentation", "strokes")
class StrokeAugmentation:
    """Random scales and merged points, drawn from torch's generator.

    Raises:
        ConfigError: steps are tokens.

    Args:
        steps: what a step is: five numbers.
        scale: each axis is scaled by up to this share, up or down.
        drop: the chance that a point which may go is merged.
    """

    def __init__(
        self,
        steps: StepSpec,
        *,
        scale: Annotated[float, Field(ge=0, lt=1)] = 0.15,
        drop: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    ) -> None:
        if steps.discrete:
            raise ConfigError("training.augmentation=strokes changes pen strokes, and this tokenizer gives tokens; drop it")
        self.scale, self.drop = scale, drop

    def __call__(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch `[B,T,5]`, changed; merged points make it shorter."""
        factors = 1 + self.scale * (2 * torch.rand(len(batch), 1, 2, device=batch.inputs.device) - 1)
        steps = torch.cat([batch.inputs[..., :2] * factors, batch.inputs[..., 2:]], dim=-1)
        merged = (torch.rand(batch.mask.shape, device=steps.device) < self.drop) & mergeable(batch)
        inputs, lengths = merge(steps, batch.mask, merged)
        return replace(batch, inputs=inputs, lengths=lengths)


def mergeable(batch: SequenceBatch) -> Tensor:
    """`[B,T]` the points that may go: not the last of a pen stroke, nor among its first three, nor the drawing's end."""
    boundary = batch.inputs[..., UP] + batch.inputs[..., END] > 0  # [B,T] a pen stroke ends here
    place = torch.arange(boundary.shape[1], device=boundary.device).expand_as(boundary)
    begins = torch.where(boundary, place + 1, 0).roll(1, dims=1)  # where the stroke after each boundary begins
    begins[:, 0] = 0
    since = place - begins.cummax(dim=1).values
    return batch.mask & ~boundary & (since >= SPARED)


def merge(steps: Tensor, mask: Tensor, merged: Tensor) -> tuple[Tensor, Tensor]:
    """Steps `[B,T,5]` with the `merged` points' offsets added to the points kept before them, and the lengths that are left."""
    kept = mask & ~merged
    target = (kept.cumsum(dim=1) - 1).clamp(min=0)  # [B,T] the row that each step ends up in
    lengths = kept.sum(dim=1)
    inputs = steps.new_zeros(len(steps), int(lengths.max()), steps.shape[-1])
    offsets = steps[..., :2] * mask.unsqueeze(-1)
    inputs[..., :2].scatter_add_(1, target.unsqueeze(-1).expand_as(offsets), offsets)
    rows, places = kept.nonzero(as_tuple=True)
    inputs[rows, target[rows, places], 2:] = steps[rows, places, 2:]
    return inputs, lengths
