"""HyperLSTM (Ha et al. 2017, arXiv 1609.09106), as sketch-rnn has it: a small LSTM scales the rows of a large one's weights.

    e_t           = LayerNormLSTM([x_t; h_(t-1)], e_(t-1))                  the small one, E units
    alpha^x_gate  = A^x_gate (Z^x_gate e_t + 1),   alpha^h alike,   beta_gate = B_gate Y_gate e_t
    a_gate        = alpha^x W_x x_t + alpha^h W_h h_(t-1) + beta + b        then as the LayerNorm-LSTM

Every scale and shift goes through a bottleneck of N numbers. At first B = 0 and every entry of A is 0.1 / N, so that each gate
begins as an LSTM's scaled by 0.1 (Cooijmans et al. 2017, arXiv 1603.09025), and Y is normal with deviation 0.01. The published code
begins with Z = 0, which keeps the small cell from learning anything in the first step; here Z has deviation 0.001.

One product gives all twelve bottlenecks of a step, one batched product the twelve vectors that come out of them.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqvae.cells.gates import keep_steps
from seqvae.cells.layer_norm_lstm import LayerNormLstm
from seqvae.cells.recurrence import RecurrentProduct, Told, project, widened
from seqvae.registry import register

GATES = 4
SCALES = 2 * GATES  # alpha^x and alpha^h of each gate
VECTORS = 3 * GATES  # and beta


class Modulation(nn.Module):
    """From the small cell's output to the scales and shifts of the large one's gates.

    Args:
        inputs: units E of the small cell.
        bottleneck: N.
        hidden: units H of the large one.
    """

    def __init__(self, inputs: int, bottleneck: int, hidden: int) -> None:
        super().__init__()
        self.bottleneck = bottleneck
        self.narrow = nn.Parameter(0.001 * torch.randn(VECTORS * bottleneck, inputs))  # Z^x, Z^h, Y
        self.narrow_bias = nn.Parameter(torch.ones(SCALES * bottleneck))  # beta's bottleneck has none
        self.widen = nn.Parameter(torch.zeros(VECTORS, bottleneck, hidden))  # A^x, A^h, B
        nn.init.normal_(self.narrow.data[SCALES * bottleneck :], std=0.01)
        nn.init.constant_(self.widen.data[:SCALES], 0.1 / bottleneck)

    def products(self, steps: int, rows: int) -> RecurrentProduct:
        """The product that gives every step's bottlenecks, `[R,12 N]`, from the small cell's output `[R,E]`."""
        bias = torch.cat([self.narrow_bias, self.narrow_bias.new_zeros(GATES * self.bottleneck)])
        return RecurrentProduct(self.narrow, bias.expand(steps, rows, -1))

    def forward(self, narrow: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """alpha^x, alpha^h and beta, each `[R,4H]`, from the bottlenecks `[R,12 N]`."""
        narrow = narrow.unflatten(-1, (VECTORS, self.bottleneck)).transpose(0, 1)  # [12,R,N]
        wide = torch.bmm(narrow, self.widen.to(narrow.dtype))  # [12,R,H]
        alpha_x, alpha_h, beta = wide.transpose(0, 1).reshape(narrow.shape[1], 3, -1).unbind(1)
        return alpha_x, alpha_h, beta


@register("cell", "hyper_lstm")
class HyperLstm(nn.Module):
    """One LSTM layer whose weights' rows are scaled by a smaller LSTM, both normalised.

    Args:
        inputs: width I, with what every step is told.
        hidden: units H.
        recurrent_dropout: share of what would be written into the large memory that is dropped while training.
        small: units E of the small cell.
        bottleneck: N.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        recurrent_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        small: PositiveInt = 256,
        bottleneck: PositiveInt = 32,
    ) -> None:
        super().__init__()
        self.widths = (hidden, hidden, small, small)
        self.recurrent_dropout = recurrent_dropout
        self.large = LayerNormLstm(inputs, hidden)
        self.small = LayerNormLstm(inputs, small)
        self.hidden_to_small = nn.Parameter(torch.empty(4 * small, hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        self.modulation = Modulation(small, bottleneck, hidden)
        nn.init.xavier_uniform_(self.hidden_to_small)

    def start(self, memory: Tensor) -> tuple[Tensor, ...]:
        """h = tanh(c) and c, for c = `memory [R,H]`; the small cell starts at zero."""
        zero = memory.new_zeros(len(memory), self.widths[-1])
        return torch.tanh(memory), memory, zero, zero

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...], told: Told | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs `[R,T,H]` and the state after inputs `[R,T,I]`; see the room's contract."""
        (h, c, small_h, small_c), (rows, steps) = widened(state), inputs.shape[:2]
        small_weight = torch.cat([self.small.recurrent_weight, self.hidden_to_small], dim=-1)
        to_small = RecurrentProduct(small_weight, project(inputs, told, self.small.input_weight, None))
        to_large = RecurrentProduct(self.large.recurrent_weight, None, (steps, rows))
        to_bottlenecks = self.modulation.products(steps, rows)
        given = project(inputs, told, self.large.input_weight, None).unbind(0)
        keep = keep_steps(steps, self.recurrent_dropout if self.training else 0.0, like=c)
        outputs = []
        with torch.autocast(inputs.device.type, enabled=False):
            for t in range(steps):
                small_h, small_c = self.small.write(to_small(t, torch.cat([small_h, h], dim=-1)), small_c, None)
                alpha_x, alpha_h, beta = self.modulation(to_bottlenecks(t, small_h))
                gates = alpha_x * given[t] + alpha_h * to_large(t, h) + beta + self.bias
                h, c = self.large.write(gates, c, keep[t])
                outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c, small_h, small_c)
