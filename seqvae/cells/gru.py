"""Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078), by torch's own kernels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqvae.registry import register


@register("cell", "gru")
class Gru(nn.Module):
    """One GRU layer.

    Args:
        inputs: width I, with what every step is told.
        hidden: units H.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.widths = (hidden,)
        self.rnn = nn.GRU(inputs, hidden, batch_first=True)

    def start(self, memory: Tensor) -> tuple[Tensor, ...]:
        """h = tanh(`memory [R,H]`)."""
        return (torch.tanh(memory),)

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...], told: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs `[R,T,H]` and the state after inputs `[R,T,I]`; see the room's contract."""
        if told is not None:
            inputs = torch.cat([inputs, told.to(inputs.dtype).unsqueeze(1).expand(-1, inputs.shape[1], -1)], dim=-1)
        outputs, h = self.rnn(inputs, state[0].to(inputs.dtype).unsqueeze(0))
        return outputs, (h[0],)
