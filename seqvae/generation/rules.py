"""Sampling rules: which token comes next, given the logits of all.

Greedy takes the likeliest. Sampling draws from softmax(logits / temperature), where top-k keeps the k likeliest tokens (Fan et al.
2018, arXiv 1805.04833) and top-p, the nucleus, the fewest that together reach probability p (Holtzman et al. 2020, arXiv
1904.09751). They apply in that order: temperature, top-k, then top-p of what top-k left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from seqvae.errors import ConfigError

TRIES = 4  # at drawing a token inside the nucleus before sorting: at top_p 0.9 one row in 10,000 gets that far


@dataclass(frozen=True)
class Greedy:
    """The likeliest token; nothing is left to chance."""

    temperature: ClassVar[float] = 0.0

    def choose(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Token ids `[R]` from logits `[R,V]`."""
        return logits.argmax(dim=-1)


@dataclass(frozen=True)
class SamplingRule:
    """A draw from the tempered, truncated distribution.

    Args:
        temperature: above 1 flattens the distribution, below 1 sharpens it.
        top_k: keep this many of the likeliest tokens; None keeps all.
        top_p: keep the fewest tokens, likeliest first, whose probabilities sum to at least this; None keeps all.

    Raises:
        ConfigError: a value out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            problems.append(f"temperature={self.temperature}: give a positive number; a small one, 0.01, is all but greedy")
        if self.top_k is not None and (self.top_k < 1 or self.top_k != int(self.top_k)):
            problems.append(f"top_k={self.top_k}: give a whole number of tokens, at least 1")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            problems.append(f"top_p={self.top_p}: give a probability above 0 and at most 1")
        if problems:
            raise ConfigError(problems)

    def choose(self, logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Token ids `[R]` drawn from logits `[R,V]`, minus infinity where a token is forbidden; each row has one that is not."""
        logits = (logits - logits.amax(dim=-1, keepdim=True)) / self.temperature
        tokens: Tensor | None = None
        if self.top_k is not None and self.top_k < logits.shape[-1]:
            logits, tokens = logits.topk(int(self.top_k))
        if self.top_p is not None and self.top_p < 1:
            drawn = _draw_from_nucleus(logits, self.top_p, generator)
        else:
            drawn = _draw(logits, generator)
        return (drawn if tokens is None else tokens.gather(-1, drawn)).squeeze(-1)


def _draw_from_nucleus(logits: Tensor, top_p: float, generator: torch.Generator | None) -> Tensor:
    """One index a row, `[R,1]`, inside the nucleus.

    A draw from all tokens, repeated until it falls inside, is a draw from the nucleus. It falls inside with probability `top_p` or
    more, and whether it has needs no sorting: the likelier tokens must weigh less than `top_p`. Sorting 8,000 tokens costs several
    decoding steps on a CPU.
    """
    probabilities = logits.softmax(dim=-1)
    drawn = _draw(logits, generator)
    rows = torch.arange(len(logits), device=logits.device)  # those to be checked
    for _ in range(TRIES):
        some = probabilities[rows]
        likelier = (some * (some > some.gather(-1, drawn[rows]))).sum(dim=-1)
        rows = rows[likelier >= top_p]
        if len(rows) == 0:
            return drawn
        drawn[rows] = _draw(logits[rows], generator)
    drawn[rows] = _draw(_nucleus(logits[rows], probabilities[rows], top_p), generator)
    return drawn


def _nucleus(logits: Tensor, probabilities: Tensor, top_p: float) -> Tensor:
    """The logits `[R,V]`, minus infinity outside the nucleus."""
    ordered, index = probabilities.sort(dim=-1, descending=True)
    outside = ordered.cumsum(dim=-1) - ordered >= top_p  # the mass of the likelier ones, exactly 0 for the first
    return logits.masked_fill(torch.zeros_like(outside).scatter(-1, index, outside), -torch.inf)


def _draw(logits: Tensor, generator: torch.Generator | None) -> Tensor:
    """One index a row, `[R,1]`, from the softmax of logits `[R,C]`, by inverting the cumulative distribution.

    One uniform number a row, where `torch.multinomial` draws one a token: at 8,000 tokens that is most of a decoding step on a CPU.
    """
    weights = torch.exp(logits - logits.amax(dim=-1, keepdim=True))
    cumulative = weights.cumsum(dim=-1)
    uniform = torch.rand(len(logits), 1, generator=generator, device=logits.device, dtype=logits.dtype)
    drawn = torch.searchsorted(cumulative, uniform * cumulative[:, -1:], right=True).clamp(max=logits.shape[-1] - 1)
    # a parallel sum may wobble in its last digit: whatever it does, a forbidden token is never drawn
    return torch.where(weights.gather(-1, drawn) > 0, drawn, weights.argmax(dim=-1, keepdim=True))
