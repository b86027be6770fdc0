"""An ensemble of multilayer perceptrons, run as one: every layer is one batched product over the members.

Members share their data and differ in their initial weights, which is enough for their disagreement to say where the data ends
(deep ensembles; Lakshminarayanan et al. 2017, arXiv 1612.01474).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Reads = Literal["mean", "sample"]


class Prediction(NamedTuple):
    """What an ensemble says of a property, in the property's unit.

    Shapes:
        mean: `[...]`, over the members.
        spread: `[...]`, the standard deviation between them; 0 for a single member.
    """

    mean: Tensor
    spread: Tensor


class EnsembleMlp(nn.Module):
    """Latents `[...,*event]` to one number a member, `[E,...]`, in float32 at least.

    Args:
        event_shape: of one latent; its dimensions are read as one vector.
        hidden: width of each hidden layer.
        depth: hidden layers; none is a linear map.
        members: E.
        dropout: after each hidden layer.
    """

    def __init__(self, event_shape: torch.Size, hidden: int, depth: int, members: int, dropout: float) -> None:
        super().__init__()
        self.event_shape = event_shape
        widths = [event_shape.numel(), *[hidden] * depth, 1]
        self.layers = nn.ModuleList(EnsembleLinear(members, width, out) for width, out in pairwise(widths))
        self.dropout = nn.Dropout(dropout)

    def forward(self, z: Tensor) -> Tensor:
        batch = z.shape[: z.dim() - len(self.event_shape)]
        with torch.autocast(z.device.type, enabled=False):  # a property is read to three digits, which bf16 has not
            hidden = z.reshape(-1, self.event_shape.numel()).to(next(self.parameters()).dtype)  # [R,K]
            for number, layer in enumerate(self.layers):
                if number:
                    hidden = self.dropout(nn.functional.silu(hidden))  # smooth: a climb feels a slope everywhere
                hidden = layer(hidden)  # [E,R,width]
        return hidden.reshape(len(hidden), *batch)


class EnsembleLinear(nn.Module):
    """`[R,width]` or `[E,R,width]` to `[E,R,out]`: a linear map a member, initialised as `nn.Linear`."""

    def __init__(self, members: int, width: int, out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(width)
        self.weight = nn.Parameter(torch.empty(members, width, out).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, out).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weight + self.bias
