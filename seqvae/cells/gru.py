"""Gated recurrent unit (Cho et al. 2014, arXiv 1406.1078), by torch's own kernels; one step at a time by its formula.

    r, u = sigma(W x + b + V h + c)              each its own rows of W, b, V and c
    n = tanh(W x + b + r (V h + c))
    h' = (1 - u) n + u h

The rows are in torch's order r, u, n.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae.cells.recurrence import Told, project, run_kernel, widened
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

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...], told: Told | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs `[R,T,H]` and the state after inputs `[R,T,I]`; see the room's contract."""
        if inputs.shape[1] == 1 and inputs.device.type == "cpu":  # torch's kernel would pack its weights for one step
            return self._one_step(inputs, state, told)
        if told is not None:
            inputs = told.beside(inputs)
        outputs, h = run_kernel(self.rnn, inputs, state[0].to(inputs.dtype).unsqueeze(0), self.training)
        return outputs, (h[0],)

    def _one_step(self, inputs: Tensor, state: tuple[Tensor, ...], told: Told | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        input_weight, recurrent_weight, input_bias, recurrent_bias = self.rnn.all_weights[0]
        (h,) = widened(state)
        given = project(inputs, told, input_weight, input_bias)[0].to(h.dtype)
        own = functional.linear(h, recurrent_weight, recurrent_bias).to(h.dtype)
        width = 2 * self.rnn.hidden_size
        reset, update = torch.sigmoid(given[:, :width] + own[:, :width]).chunk(2, dim=-1)
        new = torch.tanh(torch.addcmul(given[:, width:], reset, own[:, width:]))
        h = torch.lerp(new, h, update)
        return h.unsqueeze(1), (h,)
