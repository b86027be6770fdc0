"""The LayerNorm-LSTM against a plain loop written from the formulas."""

from __future__ import annotations

import torch
from torch import Tensor

from seqvae.cells.layer_norm_lstm import LayerNormLstm


def normalised(x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Ba et al. 2016 over the last dimension, epsilon 1e-3 beside the variance."""
    mean = x.mean(-1, keepdim=True)
    variance = (x - mean).square().mean(-1, keepdim=True)
    return gain * (x - mean) / torch.sqrt(variance + 1e-3) + bias


def by_hand(cell: LayerNormLstm, inputs: Tensor, h: Tensor, c: Tensor) -> Tensor:
    """Outputs `[R,T,H]`."""
    gains, biases = cell.normalise_gates.gain.chunk(4), cell.normalise_gates.bias.chunk(4)
    outputs = []
    for t in range(inputs.shape[1]):
        gates = (inputs[:, t] @ cell.input_weight.T + h @ cell.recurrent_weight.T).chunk(4, dim=-1)
        i, f, g, o = (normalised(a, gain, bias) for a, gain, bias in zip(gates, gains, biases, strict=True))
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(normalised(c, cell.normalise_memory.weight, cell.normalise_memory.bias))
        outputs.append(h)
    return torch.stack(outputs, dim=1)


def test_it_is_the_formula() -> None:
    cell = LayerNormLstm(3, 6).double()
    for parameter in cell.parameters():
        parameter.data.add_(0.3 * torch.randn_like(parameter))
    inputs = torch.randn(4, 9, 3, dtype=torch.float64)
    state = cell.start(torch.randn(4, 6, dtype=torch.float64))
    torch.testing.assert_close(cell(inputs, state)[0], by_hand(cell, inputs, *state), rtol=0, atol=1e-12)


def test_the_forget_gate_starts_open_and_nothing_else_is_moved() -> None:
    cell = LayerNormLstm(3, 2)
    assert cell.normalise_gates.bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert cell.normalise_gates.gain.tolist() == [1] * 8


def test_the_scale_of_the_weights_hardly_matters() -> None:
    """What normalisation is for: a hundred times the weights, the same gates but for epsilon."""
    cell = LayerNormLstm(3, 16).double()
    inputs = 10 * torch.randn(4, 5, 3, dtype=torch.float64)
    state = cell.start(torch.zeros(4, 16, dtype=torch.float64))
    before = cell(inputs, state)[0]
    cell.input_weight.data.mul_(100)
    cell.recurrent_weight.data.mul_(100)
    torch.testing.assert_close(cell(inputs, state)[0], before, rtol=0, atol=2e-3)
