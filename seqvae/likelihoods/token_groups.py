"""log softmax where tokens compete only within groups: log p(v) = l_v - log sum_{u in group(v)} exp l_u.

With the productions of a grammar grouped by their left sides this is the masked softmax of the grammar VAE (Kusner et al. 2017,
arXiv 1703.01925): at a step whose nonterminal is known, every production of another left side has probability exactly zero. The
mask comes before the softmax, so the probabilities of each group sum to one.
"""

from __future__ import annotations

import torch
from torch import Tensor


def grouped_log_softmax(logits: Tensor, groups: Tensor) -> Tensor:
    """Log probabilities `[...,V]` from logits `[...,V]`; those of the tokens of each group sum to one.

    Args:
        groups: `[V]` int64, the group of each token, from 0.
    """
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - _log_sums(shifted, groups)[..., groups]


def grouped_log_prob(logits: Tensor, groups: Tensor, targets: Tensor) -> Tensor:
    """log p(target) `[N]` from logits `[N,V]`: only the target's own group is looked at."""
    rivals = groups == groups[targets].unsqueeze(-1)  # [N,V]
    scores = torch.log_softmax(logits.masked_fill(~rivals, -torch.inf), dim=-1)
    return scores.gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _log_sums(logits: Tensor, groups: Tensor) -> Tensor:
    """`[...,G]` log of each group's sum of exponentials, each about its own largest."""
    wide = groups.expand(logits.shape)
    shape = (*logits.shape[:-1], int(groups.max()) + 1)
    largest = logits.new_full(shape, -torch.inf).scatter_reduce(-1, wide, logits, "amax")
    sums = logits.new_zeros(shape).scatter_add(-1, wide, (logits - largest.gather(-1, wide)).exp())
    return largest + sums.log()
