"""The stepped LSTM against torch's, and recurrent dropout against the formula."""

from __future__ import annotations

import torch

from seqvae.cells.gates import keep_masks
from seqvae.cells.lstm import Lstm
from seqvae.cells.recurrence import Told


def test_stepping_is_torchs_lstm() -> None:
    cell = Lstm(5, 6).double()
    inputs, told = torch.randn(3, 8, 2, dtype=torch.float64), torch.randn(3, 3, dtype=torch.float64)
    state = cell.start(torch.randn(3, 6, dtype=torch.float64))
    stepped, torchs = cell._stepped(inputs, state, Told(told)), cell(inputs, state, Told(told))
    torch.testing.assert_close(stepped, torchs, rtol=0, atol=1e-12)


def test_recurrent_dropout_drops_what_would_be_written() -> None:
    """Semeniuta et al. 2016: c = f c + i (m g), by hand, with the masks that the seed gives."""
    cell = Lstm(2, 6, recurrent_dropout=0.4).double().train()
    inputs = torch.randn(3, 5, 2, dtype=torch.float64)
    h, c = cell.start(torch.randn(3, 6, dtype=torch.float64))
    torch.manual_seed(5)
    outputs, _ = cell(inputs, (h, c))
    torch.manual_seed(5)
    keep = keep_masks((5, 3, 6), 0.4, like=c)
    assert set(keep.unique().tolist()) == {0.0, 1 / 0.6}
    for t in range(5):
        a = inputs[:, t] @ cell.rnn.weight_ih_l0.T + h @ cell.rnn.weight_hh_l0.T + cell.rnn.bias_ih_l0 + cell.rnn.bias_hh_l0
        i, f, g, o = a.chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * keep[t] * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        torch.testing.assert_close(outputs[:, t], h, rtol=0, atol=1e-12)


def test_masks_drop_their_share_and_keep_the_mean() -> None:
    keep = keep_masks((100, 1001), 0.1, like=torch.zeros((), dtype=torch.float64))
    count = keep.numel()
    assert abs((keep == 0).double().mean().item() - 0.1) < 5 * (0.1 * 0.9 / count) ** 0.5
    assert abs(keep.mean().item() - 1) < 5 * (0.1 / 0.9 / count) ** 0.5
    neighbours = (keep[:, 1:] * keep[:, :-1]).mean().item()
    assert abs(neighbours - 1) < 0.01, "numbers out of one draw depend on one another"


def test_orthogonal_initialisation() -> None:
    cell = Lstm(3, 6, initialisation="orthogonal")
    for gate in cell.rnn.weight_hh_l0.chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6), rtol=0, atol=1e-5)
    bias = cell.rnn.bias_ih_l0 + cell.rnn.bias_hh_l0
    assert bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
