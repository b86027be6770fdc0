"""Categorical likelihood: log p(x|z) = sum_t log softmax(W h_t + b)[x_t] over the tokens of a sequence, its end included.

Where the steps come in groups (the productions of a grammar), the softmax is over the tokens of the target's own group.

A tied output uses the decoder's embedding as W (Press & Wolf 2017, arXiv 1608.05859), through a projection where widths differ.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae.batch import SequenceBatch
from seqvae.likelihoods.token_groups import grouped_log_prob, grouped_log_softmax
from seqvae.likelihoods.token_log_prob import token_log_prob
from seqvae.registry import register
from seqvae.steps import StepEmbedding, StepSpec


class Rule(Protocol):
    """How a token is chosen; see `seqvae.generation.rules`."""

    @property
    def temperature(self) -> float:
        """What `choose` divides logits by, for whoever has more to temper than logits; 0 leaves nothing to chance."""

    def choose(self, logits: Tensor, generator: torch.Generator | None) -> Tensor:
        """Token ids `[R]` from logits `[R,V]`, minus infinity where a token is forbidden."""


@register("likelihood", "categorical")
class CategoricalLikelihood(nn.Module):
    """Softmax over the vocabulary at each step.

    Args:
        steps: what a step is (tokens).
        width: feature width H of the decoder.
        embedding: the decoder's embedding, shared when tied.
        tied: use the embedding as the output matrix.
    """

    def __init__(self, steps: StepSpec, width: int, embedding: StepEmbedding, *, tied: bool = False) -> None:
        super().__init__()
        self.steps = steps
        self.project: nn.Module = nn.Identity()
        if tied:
            assert embedding.table is not None, "a tied output needs tokens"
            self.weight = embedding.table.weight
            if embedding.width != width:
                self.project = nn.Linear(width, embedding.width)
        else:
            self.weight = nn.Parameter(torch.empty(steps.size, width))
            nn.init.uniform_(self.weight, -(width**-0.5), width**-0.5)
        self.bias = nn.Parameter(torch.zeros(steps.size))
        self.groups: Tensor | None
        self.register_buffer("groups", torch.tensor(steps.groups) if steps.groups else None, persistent=False)

    def log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        """log p(x|z) in nats per sequence, `[S,B]`, from features `[S,B,T,H]`: EOS counted, padding never."""
        return self.step_log_prob(features, batch).sum(-1)

    def step_log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        """log p(x_t | x_<t, z) in nats, `[S,B,T]`, exactly zero at padding."""
        samples = features.shape[0]
        targets = batch.inputs.expand(samples, *batch.inputs.shape)  # [S,B,T]
        if self.groups is not None:
            return grouped_log_prob(self.logits(features), self.groups, targets).masked_fill(~batch.mask, 0.0)
        scores = token_log_prob(self.project(features).flatten(0, 2), self.weight, self.bias, targets.flatten())
        return scores.view(targets.shape).masked_fill(~batch.mask, 0.0)

    def logits(self, features: Tensor) -> Tensor:
        """Unnormalised log probabilities `[...,V]` of the next token from features `[...,H]`, at least float32."""
        logits = functional.linear(self.project(features), self.weight, self.bias)
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def log_softmax(self, logits: Tensor) -> Tensor:
        """Log probabilities `[...,V]` of the next token from logits; where tokens come in groups, each group sums to one."""
        return logits.log_softmax(dim=-1) if self.groups is None else grouped_log_softmax(logits, self.groups)

    def draw(
        self, features: Tensor, rule: Rule, generator: torch.Generator | None = None, allowed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The next step `[R]` from features `[R,H]`, and whether it ends the sequence, `[R]` bool.

        Args:
            rule: chooses among the logits.
            generator: source of chance.
            allowed: `[R,V]` bool from a constraint, or None; padding and BOS are never allowed.
        """
        logits = self.logits(features)
        logits[:, self.steps.pad] = -torch.inf  # one column at a time: a list of columns would wait for the device
        logits[:, self.steps.bos] = -torch.inf
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -torch.inf)
        step = rule.choose(logits, generator)
        return step, step == self.steps.eos
