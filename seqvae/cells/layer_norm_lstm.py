"""LSTM with layer normalisation (Ba et al. 2016, arXiv 1607.06450), as sketch-rnn has it (Ha & Eck 2017, arXiv 1704.03477).

    a = W_x x_t + W_h h_(t-1)                            no bias: each gate's own comes with its normalisation
    c_t = sigma(LN f) c_(t-1) + sigma(LN i) m tanh(LN g)
    h_t = sigma(LN o) tanh(LN c_t)

LN takes mean and variance over the H units of one gate (epsilon 1e-3, the published code's). Its bias starts at 0, the forget
gate's at 1. m is recurrent dropout.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from seqvae.cells.gates import keep_steps, remember, tanh
from seqvae.cells.recurrence import RecurrentProduct, Told, orthogonal_, project, widened
from seqvae.registry import register

EPSILON = 1e-3


class GateNorm(nn.Module):
    """Layer normalisation of each of the four gates by itself, `[R,4H]` to `[R,4H]`."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gain = nn.Parameter(torch.ones(4 * hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        nn.init.ones_(self.bias.data[hidden : 2 * hidden])  # the forget gate starts open

    def forward(self, gates: Tensor) -> Tensor:
        """Gates in the order i, f, g, o."""
        normal = functional.layer_norm(gates.unflatten(-1, (4, self.hidden)), (self.hidden,), eps=EPSILON)
        return torch.addcmul(self.bias, normal.flatten(-2), self.gain)


@register("cell", "layer_norm_lstm")
class LayerNormLstm(nn.Module):
    """One LSTM layer, its gates and its memory normalised.

    Args:
        inputs: width I, with what every step is told.
        hidden: units H.
        recurrent_dropout: share of what would be written into the memory that is dropped while training.
    """

    def __init__(self, inputs: int, hidden: int, *, recurrent_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0) -> None:
        super().__init__()
        self.widths = (hidden, hidden)
        self.recurrent_dropout = recurrent_dropout
        self.input_weight = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.recurrent_weight = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.normalise_gates = GateNorm(hidden)
        self.normalise_memory = nn.LayerNorm(hidden, eps=EPSILON)
        nn.init.xavier_uniform_(self.input_weight)
        orthogonal_(self.recurrent_weight.data)

    def start(self, memory: Tensor) -> tuple[Tensor, ...]:
        """h = tanh(c) and c, for c = `memory [R,H]`."""
        return torch.tanh(memory), memory

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...], told: Told | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs `[R,T,H]` and the state after inputs `[R,T,I]`; see the room's contract."""
        (h, c), steps = widened(state), inputs.shape[1]
        product = RecurrentProduct(self.recurrent_weight, project(inputs, told, self.input_weight, None))
        keep = keep_steps(steps, self.recurrent_dropout if self.training else 0.0, like=c)
        outputs = []
        with torch.autocast(inputs.device.type, enabled=False):
            for t in range(steps):
                h, c = self.write(product(t, h), c, keep[t])
                outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)

    def write(self, gates: Tensor, cell: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
        """h and c after one step, from gates `[R,4H]` as the products leave them."""
        cell, opened = remember(self.normalise_gates(gates.to(cell.dtype)), cell, keep)
        return opened * tanh(self.normalise_memory(cell)), cell
