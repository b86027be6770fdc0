"""LSTM (Hochreiter & Schmidhuber 1997), by torch's own kernels; stepped, with recurrent dropout, while training with it."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from seqvae.cells.gates import keep_steps, remember, tanh
from seqvae.cells.recurrence import RecurrentProduct, Told, orthogonal_, project, run_kernel, widened
from seqvae.registry import register


@register("cell", "lstm")
class Lstm(nn.Module):
    """One LSTM layer.

    Args:
        inputs: width I, with what every step is told.
        hidden: units H.
        recurrent_dropout: share of what would be written into the memory that is dropped while training.
        initialisation: `torch` (uniform) or `orthogonal` (Glorot inputs, orthogonal recurrence, no bias but 1 on the forget gate).
    """

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        recurrent_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        initialisation: Literal["torch", "orthogonal"] = "torch",
    ) -> None:
        super().__init__()
        self.widths = (hidden, hidden)
        self.recurrent_dropout = recurrent_dropout
        self.rnn = nn.LSTM(inputs, hidden, batch_first=True)
        if initialisation == "orthogonal":
            input_weight, recurrent_weight, input_bias, recurrent_bias = self.rnn.all_weights[0]
            with torch.no_grad():
                nn.init.xavier_uniform_(input_weight)
                orthogonal_(recurrent_weight)
                recurrent_bias.zero_()
                input_bias.zero_()[hidden : 2 * hidden] = 1.0

    def start(self, memory: Tensor) -> tuple[Tensor, ...]:
        """h = tanh(c) and c, for c = `memory [R,H]`."""
        return torch.tanh(memory), memory

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...], told: Told | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs `[R,T,H]` and the state after inputs `[R,T,I]`; see the room's contract."""
        alone = inputs.shape[1] == 1 and inputs.device.type == "cpu"  # torch's kernel would pack its weights for one step
        if alone or (self.training and self.recurrent_dropout):
            return self._stepped(inputs, state, told)
        if told is not None:
            inputs = told.beside(inputs)
        before = (state[0].to(inputs.dtype).unsqueeze(0), state[1].to(inputs.dtype).unsqueeze(0))
        outputs, (h, c) = run_kernel(self.rnn, inputs, before, self.training)
        return outputs, (h[0], c[0])

    def _stepped(self, inputs: Tensor, state: tuple[Tensor, ...], told: Told | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        input_weight, recurrent_weight, input_bias, recurrent_bias = self.rnn.all_weights[0]
        product = RecurrentProduct(recurrent_weight, project(inputs, told, input_weight, input_bias + recurrent_bias))
        h, c = widened(state)
        keep = keep_steps(inputs.shape[1], self.recurrent_dropout if self.training else 0.0, like=c)
        outputs = []
        for t in range(inputs.shape[1]):
            c, opened = remember(product(t, h), c, keep[t])
            h = opened * tanh(c)
            outputs.append(h)
        return torch.stack(outputs, dim=1), (h, c)
