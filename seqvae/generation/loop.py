"""The decode loop: x_t ~ p(x_t | x_<t, z) for many rows at once, until each has ended.

One loop serves every rule, tokens and vectors alike: the likelihood draws the step and says whether it ends the sequence. Rows do
not influence one another; those that have ended leave the batch when enough of them have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.generation.constraints import Constraint
from seqvae.inference import device_of, evaluating
from seqvae.likelihoods.categorical import Rule
from seqvae.model import SequenceModel

ROWS = 512  # rows in flight: enough to fill the matrix products, few enough for the logits (16 MB at 8,000 tokens)
WORTH_DROPPING = 0.25  # share of ended rows that pays for copying the state of the others


def generate(
    model: SequenceModel,
    z: Tensor,
    rule: Rule,
    max_length: int,
    *,
    prefix: SequenceBatch | None = None,
    constraint: Constraint | None = None,
    generator: torch.Generator | None = None,
    rows: int = ROWS,
    labels: Tensor | None = None,
) -> list[np.ndarray]:
    """One sequence a latent: int32 `[T]` or float32 `[T,W]`, its end included where it was reached within `max_length` steps.

    Args:
        model: any; it is put into evaluation mode for the time.
        z: latents `[R,*event]`.
        rule: chooses each step.
        max_length: most steps, prefix and end counted.
        prefix: the first steps of each row, `R` sequences without their end, forced before anything is chosen.
        constraint: what is allowed next (tokens only).
        generator: source of chance, on the model's device; None is torch's global one.
        rows: most rows in flight.
        labels: class labels `[R]`, for a model that is told them; -1, or None for all, where unknown.

    Raises:
        ConfigError: no room for the prefix and one step.
    """
    longest = 0 if prefix is None else int(prefix.lengths.max())
    if max_length <= longest:
        raise ConfigError(f"max_length={max_length} leaves no room after {longest} given steps; give at least {longest + 1}")
    device = device_of(model)
    written: list[np.ndarray] = []
    with evaluating(model), torch.inference_mode():
        told = model.told(z.to(device), None if labels is None else labels.to(device))
        for part in torch.arange(len(z)).split(rows):
            given = None if prefix is None else (prefix.inputs[part].to(device), prefix.lengths[part].to(device))
            run = _Rows(model, told[part.to(device)], max_length, given, constraint)
            written += run.to_the_end(rule, generator)
    return written


class _Rows:
    """Rows in flight.

    Where a row stands is split in two: what is indexed by its number (`written`, `lengths`, the prefix), and what only live rows
    carry along (`number [R]`, `live [R]`, `step`, `state`, `allowance`), which shrinks as rows end.
    """

    def __init__(
        self,
        model: Any,
        z: Tensor,
        max_length: int,
        prefix: tuple[Tensor, Tensor] | None,
        constraint: Constraint | None,
    ) -> None:
        self.decoder, self.likelihood = model.decoder, model.likelihood
        self.constraint, self.prefix = constraint, prefix
        start = self.decoder.steps.start_step(len(z), z.device)
        self.step: Tensor = start if start.dim() == 1 else start.to(z.dtype)
        self.state: Any = self.decoder.start(z)
        self.allowance: Any = None if constraint is None else constraint.start(len(z))
        self.number = torch.arange(len(z), device=z.device)
        self.live = torch.ones_like(self.number, dtype=torch.bool)
        self.lengths = torch.full_like(self.number, max_length)
        self.written = self.step.new_zeros(len(z), max_length, *self.step.shape[1:])

    def to_the_end(self, rule: Rule, generator: torch.Generator | None) -> list[np.ndarray]:
        """Run until every row has ended or is full; the rows' steps in their order."""
        for t in range(self.written.shape[1]):
            ended = self._advance(t, rule, generator) & self.live
            self.written[self.number, t] = self.step  # an ended row's go beyond its length and are cut off below
            self.lengths[self.number[ended]] = t + 1
            self.live = self.live & ~ended
            alive = int(self.live.sum())
            if alive == 0:
                break
            if alive <= (1 - WORTH_DROPPING) * len(self.live):
                self._keep(self.live.nonzero().squeeze(1))
        kind = np.float32 if self.written.is_floating_point() else np.int32
        written = self.written.cpu().numpy().astype(kind)
        return [row[:length].copy() for row, length in zip(written, self.lengths.tolist(), strict=True)]

    def _advance(self, t: int, rule: Rule, generator: torch.Generator | None) -> Tensor:
        """Take step t of every row; which rows it ends, `[R]` bool."""
        features, self.state = self.decoder.step(self.step, self.state)
        allowed = None
        if self.constraint is not None:
            allowed = self.constraint.allowed(self.allowance).to(self.live.device) | ~self.live[:, None]
        self.step, ended = self.likelihood.draw(features, rule, generator, allowed)
        ended = self._force(t, ended)
        if self.constraint is not None:
            self.allowance = self.constraint.advance(self.allowance, self.step)
        return ended

    def _force(self, t: int, ended: Tensor) -> Tensor:
        """Put the prefix's step t in place of what was drawn, in the rows whose prefix reaches that far."""
        if self.prefix is None or t >= self.prefix[0].shape[1]:
            return ended
        inputs, lengths = self.prefix
        forced = t < lengths[self.number]  # [R]
        given = inputs[self.number, t].to(self.step.dtype)  # [R] or [R,W]
        self.step = torch.where(forced.view(-1, *[1] * (given.dim() - 1)), given, self.step)
        return ended & ~forced

    def _keep(self, index: Tensor) -> None:
        """Go on with the rows `index` alone."""
        self.number, self.live, self.step = self.number[index], self.live[index], self.step[index]
        self.state = self.decoder.select(self.state, index)
        if self.constraint is not None:
            self.allowance = self.constraint.select(self.allowance, index)
