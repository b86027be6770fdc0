"""Noise on what the encoder reads, while the decoder still writes the clean sequence (Shen et al. 2020, arXiv 1905.12777).

A denoising autoencoder must give like sentences like latents, since any of them may be the noised form of another. This is no word
dropout in the decoder, which weakens what the decoder remembers of its own words.

Noise is a part of the objective, so that validation never sees any, and draws from torch's global generator, so that a resumed
run draws the same. The end of a sequence stays in place: `share` counts the tokens before it. Built as `Noise(steps: StepSpec, *,
...)`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Protocol

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.registry import register
from seqvae.steps import StepSpec

Share = Annotated[float, Field(ge=0, le=1)]


class Noise(Protocol):
    """One way to spoil a sequence."""

    def __call__(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch spoiled: `inputs [B,T']` and `lengths [B]`, T' at most T."""


@register("noise", "word_drop", scalar="share")
class WordDrop:
    """Leave out a share of the tokens; what is left closes up.

    Args:
        steps: must be tokens.
        share: the probability of each token to go.
    """

    def __init__(self, steps: StepSpec, *, share: Share = 0.3) -> None:
        self.steps, self.share = _tokens(steps), share

    def __call__(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch, shorter."""
        kept = batch.mask & ~_chosen(batch, self.share)
        lengths = kept.sum(1)
        order = torch.argsort(~kept, dim=1, stable=True)[:, : int(lengths.max())]
        inputs = batch.inputs.gather(1, order)
        shorter = replace(batch, inputs=inputs, lengths=lengths)
        return replace(shorter, inputs=inputs.masked_fill(~shorter.mask, self.steps.pad))


@register("noise", "mask")
class Mask:
    """Replace a share of the tokens by `<unk>`.

    Args:
        steps: must be tokens.
        share: the probability of each token to be replaced.
    """

    def __init__(self, steps: StepSpec, *, share: Share = 0.3) -> None:
        self.steps, self.share = _tokens(steps), share

    def __call__(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch, of the same lengths."""
        return replace(batch, inputs=batch.inputs.masked_fill(_chosen(batch, self.share), self.steps.unk))


@register("noise", "substitute")
class Substitute:
    """Replace a share of the tokens by others, drawn uniformly from the vocabulary without its special tokens.

    Args:
        steps: must be tokens.
        share: the probability of each token to be replaced.
    """

    def __init__(self, steps: StepSpec, *, share: Share = 0.1) -> None:
        self.steps, self.share = _tokens(steps), share
        special = {steps.pad, steps.bos, steps.eos, steps.unk}
        self.ordinary = torch.tensor([token for token in range(steps.size) if token not in special])

    def __call__(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch, of the same lengths."""
        drawn = torch.randint(len(self.ordinary), batch.inputs.shape, device=batch.inputs.device)
        others = self.ordinary.to(batch.inputs.device)[drawn]
        return replace(batch, inputs=torch.where(_chosen(batch, self.share), others, batch.inputs))


@register("noise", "shuffle")
class Shuffle:
    """Reorder the tokens, none further than `distance` from its place (Lample et al. 2018, arXiv 1711.00043).

    Args:
        steps: must be tokens.
        distance: the furthest that a token moves.
    """

    def __init__(self, steps: StepSpec, *, distance: PositiveInt = 3) -> None:
        self.steps, self.distance = _tokens(steps), distance

    def __call__(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch, of the same lengths."""
        places = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        late = torch.rand(batch.inputs.shape, device=batch.inputs.device) * (self.distance + 1)
        keys = torch.where(
            _words(batch), places + late, places + self.distance + 1.0
        )  # the end and the padding stay behind all words
        return replace(batch, inputs=batch.inputs.gather(1, torch.argsort(keys, dim=1, stable=True)))


def _words(batch: SequenceBatch) -> Tensor:
    """`[B,T]` bool: the real tokens before the end."""
    return torch.arange(batch.inputs.shape[1], device=batch.lengths.device) < batch.lengths[:, None] - 1


def _chosen(batch: SequenceBatch, share: float) -> Tensor:
    """`[B,T]` bool: each word by chance, with probability `share`."""
    return _words(batch) & (torch.rand(batch.inputs.shape, device=batch.inputs.device) < share)


def _tokens(steps: StepSpec) -> StepSpec:
    if not steps.discrete:
        raise ConfigError("objective.noise spoils tokens, and these records are made of real vectors; give objective.noise=null")
    return steps
