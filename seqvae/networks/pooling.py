"""One vector out of a sequence of states, reading real steps only.

`mean` and `max` keep features spread out, which alone fights posterior collapse at no cost (Long et al. 2019, arXiv 1911.03976);
`attention` weighs the steps by softmax(w . h_t / sqrt(H)) with a learned w; `cls` takes the state of the first position.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Pooling = Literal["cls", "mean", "max", "attention"]


def max_pool(states: Tensor, mask: Tensor) -> Tensor:
    """The largest value of each feature over real steps: `[B,H]` of `[B,T,H]` and `[B,T]`."""
    return states.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """The mean over real steps, `[B,H]`, summed in float32 at least: bf16 cannot even hold lengths above 256."""
    wide = torch.promote_types(states.dtype, torch.float32)
    return states.masked_fill(~mask.unsqueeze(-1), 0.0).sum(dim=1, dtype=wide) / mask.sum(dim=1, keepdim=True)


class Pool(nn.Module):
    """One of the four poolings over states `[B,T,width]`."""

    def __init__(self, pooling: Pooling, width: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.query = nn.Parameter(torch.randn(width)) if pooling == "attention" else None

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """`[B,width]` of states `[B,T,width]` whose real steps are `mask [B,T]`."""
        if self.pooling == "max":
            return max_pool(states, mask)
        if self.pooling == "mean":
            return mean_pool(states, mask)
        if self.query is None:
            return states[:, 0]
        scores = (states @ self.query.to(states.dtype)) * states.shape[-1] ** -0.5  # [B,T]
        weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=1).to(states.dtype)
        return torch.einsum("bt,bth->bh", weights, states)
