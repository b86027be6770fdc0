"""The HyperLSTM against a plain loop written from the formulas, and its published first values."""

from __future__ import annotations

import torch
from torch import Tensor

from seqvae.cells.hyper_lstm import HyperLstm
from tests.cells.test_layer_norm_lstm import normalised

HIDDEN, SMALL, BOTTLENECK = 6, 4, 3


def layer_norm_step(cell: object, gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """h and c of the LayerNorm-LSTM from its gates `[R,4H]`."""
    norm, memory = cell.normalise_gates, cell.normalise_memory
    parts = zip(gates.chunk(4, dim=-1), norm.gain.chunk(4), norm.bias.chunk(4), strict=True)
    i, f, g, o = (normalised(a, gain, bias) for a, gain, bias in parts)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(normalised(c, memory.weight, memory.bias)), c


def by_hand(cell: HyperLstm, inputs: Tensor, h: Tensor, c: Tensor, e: Tensor, e_memory: Tensor) -> Tensor:
    """Outputs `[R,T,H]`, gate by gate and vector by vector."""
    narrow = cell.modulation.narrow.chunk(12)
    narrow_bias = [*cell.modulation.narrow_bias.chunk(8), *[torch.zeros(BOTTLENECK, dtype=torch.float64)] * 4]
    w_x, w_h, bias = cell.large.input_weight.chunk(4), cell.large.recurrent_weight.chunk(4), cell.bias.chunk(4)
    outputs = []
    for t in range(inputs.shape[1]):
        x = inputs[:, t]
        small = x @ cell.small.input_weight.T + e @ cell.small.recurrent_weight.T + h @ cell.hidden_to_small.T
        e, e_memory = layer_norm_step(cell.small, small, e_memory)
        vectors = [(e @ narrow[k].T + narrow_bias[k]) @ cell.modulation.widen[k] for k in range(12)]
        gates = [vectors[k] * (x @ w_x[k].T) + vectors[4 + k] * (h @ w_h[k].T) + vectors[8 + k] + bias[k] for k in range(4)]
        h, c = layer_norm_step(cell.large, torch.cat(gates, dim=-1), c)
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def test_it_is_the_formula() -> None:
    cell = HyperLstm(3, HIDDEN, small=SMALL, bottleneck=BOTTLENECK).double()
    for parameter in cell.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    inputs = torch.randn(4, 9, 3, dtype=torch.float64)
    state = tuple(torch.randn(4, width, dtype=torch.float64) for width in cell.widths)
    torch.testing.assert_close(cell(inputs, state)[0], by_hand(cell, inputs, *state), rtol=0, atol=1e-12)


def test_it_begins_as_a_tenth_of_a_layer_norm_lstm() -> None:
    """The published first values: every scale is 0.1 and every shift 0, but for the small cell's thousandths."""
    cell = HyperLstm(3, HIDDEN, small=SMALL, bottleneck=32).double()
    h = torch.tanh(torch.randn(5, SMALL, dtype=torch.float64))
    narrow = h @ cell.modulation.narrow.T + torch.cat([cell.modulation.narrow_bias, torch.zeros(4 * 32)])
    alpha_x, alpha_h, beta = cell.modulation(narrow)
    torch.testing.assert_close(alpha_x, torch.full_like(alpha_x, 0.1), rtol=0.01, atol=0)
    torch.testing.assert_close(alpha_h, torch.full_like(alpha_h, 0.1), rtol=0.01, atol=0)
    assert not beta.any()


def test_its_sizes_are_the_published_ones_by_default() -> None:
    cell = HyperLstm(133, 512)
    assert cell.widths == (512, 512, 256, 256)
    assert cell.modulation.bottleneck == 32
