"""Beam search: the sequence with the largest log p(x|z) that a beam of `width` hypotheses finds.

Each row keeps its `width` best hypotheses by log p / length^penalty. One that has ended stays among them, at no further cost, until
better ones push it out; the best that ever ended is the result. A row is done when no live hypothesis can overtake it: log p only
falls, so log p / max_length^penalty bounds whatever a live one may become. Width 1 is greedy decoding; a beam wide enough never to
prune finds the best sequence there is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqvae.errors import ConfigError
from seqvae.generation.constraints import Constraint
from seqvae.generation.loop import ROWS
from seqvae.inference import device_of, evaluating
from seqvae.model import SequenceModel
from seqvae.steps import StepSpec


def beam_search(
    model: SequenceModel,
    z: Tensor,
    width: int,
    max_length: int,
    *,
    length_penalty: float = 0.0,
    constraint: Constraint | None = None,
    rows: int = ROWS,
    labels: Tensor | None = None,
) -> list[np.ndarray]:
    """One sequence a latent, int32 `[T]`, its end included where one was reached within `max_length` steps.

    Args:
        model: one whose likelihood has `logits` (tokens).
        z: latents `[R,*event]`.
        width: hypotheses a row, at least 1.
        max_length: most steps, the end counted.
        length_penalty: 0 ranks by log p, which favours short sequences; 1 by log p a step.
        constraint: what is allowed next.
        rows: most decoder rows in flight, latents times width.
        labels: class labels `[R]`, as `generate` has them.

    Raises:
        ConfigError: the model writes vectors, or a value is out of its range.
    """
    if not hasattr(model.likelihood, "logits"):
        raise ConfigError(f"a beam needs tokens, and {type(model.likelihood).__name__} draws vectors; decode without a beam")
    problems = [f"{name}={value}: give at least 1" for name, value in (("beam", width), ("max_length", max_length)) if value < 1]
    if length_penalty < 0:
        problems.append(f"length_penalty={length_penalty}: give 0 or more")
    if problems:
        raise ConfigError(problems)
    found: list[np.ndarray] = []
    device = device_of(model)
    with evaluating(model), torch.inference_mode():
        told = model.told(z.to(device), None if labels is None else labels.to(device))
        for part in told.split(max(1, rows // width)):
            found += _Beams(model, part, width, max_length, length_penalty, constraint).to_the_end()
    return found


class _Beams:
    """`[R,W]` hypotheses side by side: `score` (log p), `lengths`, `ended`, `written [R,W,T]`; `best` is each row's best ended one.

    `decoder` states and constraint states hold the hypotheses as rows, `[R*W]`.
    """

    def __init__(self, model: Any, z: Tensor, width: int, max_length: int, penalty: float, constraint: Constraint | None) -> None:
        self.decoder, self.likelihood = model.decoder, model.likelihood
        self.spec: StepSpec = self.decoder.steps
        self.constraint, self.penalty, self.max_length = constraint, penalty, max_length
        rows = len(z)
        self.state: Any = self.decoder.start(z.repeat_interleave(width, dim=0))
        self.allowance: Any = None if constraint is None else constraint.start(rows * width)
        self.step: Tensor = self.spec.start_step(rows * width, z.device)
        self.score = torch.full((rows, width), -torch.inf, device=z.device)
        self.score[:, 0] = 0.0  # one empty hypothesis; the other places fill at the first step
        self.lengths = torch.zeros((rows, width), dtype=torch.int64, device=z.device)
        self.ended = torch.zeros((rows, width), dtype=torch.bool, device=z.device)
        self.written = torch.zeros((rows, width, max_length), dtype=torch.int64, device=z.device)
        self.best = torch.full((rows,), -torch.inf, device=z.device)
        self.best_written = self.written[:, 0].clone()
        self.best_lengths = torch.full_like(self.lengths[:, 0], max_length)
        self.number = torch.arange(rows, device=z.device)

    def to_the_end(self) -> list[np.ndarray]:
        """Search until every row is done; the rows' best sequences in their order."""
        for t in range(self.max_length):
            self._advance(t)
            self._remember()
            going = self._can_improve().nonzero().squeeze(1)
            if len(going) == 0:
                break
            if t + 1 == self.max_length:
                self._take_unended()
            elif len(going) < len(self.number):
                self._keep(going)
        written = self.best_written.cpu().numpy().astype(np.int32)
        return [row[:length].copy() for row, length in zip(written, self.best_lengths.tolist(), strict=True)]

    def _advance(self, t: int) -> None:
        """Extend every hypothesis by every token and keep the best."""
        rows, width = self.score.shape
        log_p = self._step_log_p()  # [R,W,V]
        tokens = log_p.shape[-1]
        lengths = self.lengths + (~self.ended).long()
        score = self.score[..., None] + log_p
        chosen = (score / lengths[..., None] ** self.penalty).flatten(1).topk(width).indices  # [R,W]
        parent, token = chosen // tokens, chosen % tokens
        self.score = score.flatten(1).gather(1, chosen)
        self.lengths = lengths.gather(1, parent)
        self.written = self.written.take_along_dim(parent[..., None], dim=1)
        self.written[..., t] = token
        self.ended = self.ended.gather(1, parent) | (token == self.spec.eos)
        origin = (torch.arange(rows, device=parent.device)[:, None] * width + parent).flatten()  # [R*W]
        self._select(origin)
        self.step = token.flatten()
        if self.constraint is not None:
            self.allowance = self.constraint.advance(self.allowance, self.step)

    def _step_log_p(self) -> Tensor:
        """log p of each next token, `[R,W,V]`; an ended hypothesis goes on with padding alone, for nothing."""
        features, self.state = self.decoder.step(self.step, self.state)
        log_p = self.likelihood.log_softmax(self.likelihood.logits(features))
        log_p[:, [self.spec.pad, self.spec.bos]] = -torch.inf
        if self.constraint is not None:
            log_p = log_p.masked_fill(~self.constraint.allowed(self.allowance).to(log_p.device), -torch.inf)
        ended = self.ended.flatten()
        log_p[ended] = -torch.inf
        log_p[ended, self.spec.pad] = 0.0
        return log_p.view(*self.score.shape, -1)

    def _remember(self) -> None:
        """Keep each row's best ended hypothesis, also should it leave the beam."""
        value = (self.score / self.lengths**self.penalty).masked_fill(~self.ended, -torch.inf)
        best, place = value.max(dim=1)
        better = best > self.best[self.number]
        self._record(better.nonzero().squeeze(1), place, best)

    def _record(self, rows: Tensor, place: Tensor, value: Tensor) -> None:
        """Write down the hypotheses at `place [R]` of the rows `rows`."""
        number, place = self.number[rows], place[rows]
        self.best[number] = value[rows]
        self.best_written[number] = self.written[rows, place]
        self.best_lengths[number] = self.lengths[rows, place]

    def _can_improve(self) -> Tensor:
        """`[R]` bool: a live hypothesis may still end above the best that ended."""
        bound = (self.score / float(self.max_length) ** self.penalty).masked_fill(self.ended, -torch.inf).amax(dim=1)
        return bound > self.best[self.number]

    def _take_unended(self) -> None:
        """At the last step: the best hypothesis of a row in which none has ended."""
        rows = self.best[self.number].isneginf().nonzero().squeeze(1)
        self._record(rows, self.score.argmax(dim=1), self.score.amax(dim=1))

    def _select(self, origin: Tensor) -> None:
        self.state = self.decoder.select(self.state, origin)
        if self.constraint is not None:
            self.allowance = self.constraint.select(self.allowance, origin)

    def _keep(self, rows: Tensor) -> None:
        """Go on with the rows `rows` alone."""
        width = self.score.shape[1]
        origin = (rows[:, None] * width + torch.arange(width, device=rows.device)).flatten()
        self._select(origin)
        self.step = self.step[origin]
        self.number, self.score, self.lengths = self.number[rows], self.score[rows], self.lengths[rows]
        self.ended, self.written = self.ended[rows], self.written[rows]
