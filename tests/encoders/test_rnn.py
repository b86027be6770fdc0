"""The recurrent encoder against torch's own packed bidirectional RNN with the same weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqvae.batch import SequenceBatch
from seqvae.encoders.rnn import RnnEncoder
from seqvae.steps import StepSpec

HIDDEN = 8
TORCH: dict[str, type[nn.RNNBase]] = {"lstm": nn.LSTM, "gru": nn.GRU}


def torch_twin(encoder: RnnEncoder, cell: str, layers: int, bidirectional: bool) -> nn.Module:
    """`nn.LSTM` or `nn.GRU` holding the encoder's weights."""
    twin = TORCH[cell](encoder.embedding.width, HIDDEN, layers, batch_first=True, bidirectional=bidirectional).double()
    for number, directions in enumerate(encoder.layers):
        for backward, rnn in enumerate(directions.children()):
            for name, value in rnn.rnn.named_parameters():
                suffix = f"_l{number}" + ("_reverse" if backward else "")
                getattr(twin, name.replace("_l0", suffix)).data.copy_(value)
    return twin


def packed_features(encoder: RnnEncoder, twin: nn.Module, batch: SequenceBatch, pooling: str) -> Tensor:
    packed = pack_padded_sequence(encoder.embedding(batch.inputs), batch.lengths, batch_first=True, enforce_sorted=False)
    states, last = twin(packed)
    rows = pad_packed_sequence(states, batch_first=True)[0]
    if pooling == "last":
        top = (last[0] if isinstance(last, tuple) else last)[-(2 if twin.bidirectional else 1) :]
        return torch.cat(list(top), dim=-1)
    real = [row[:length] for row, length in zip(rows, batch.lengths.tolist(), strict=True)]
    return torch.stack([row.mean(0) if pooling == "mean" else row.amax(0) for row in real])


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_it_is_a_packed_rnn(
    pooling: str, cell: str, layers: int, bidirectional: bool, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    encoder = RnnEncoder(
        tokens, embedding=6, hidden=HIDDEN, cell=cell, layers=layers, bidirectional=bidirectional, pooling=pooling
    ).double()
    batch = make_batch(tokens)
    twin = torch_twin(encoder, cell, layers, bidirectional)
    torch.testing.assert_close(encoder(batch), packed_features(encoder, twin, batch, pooling), rtol=0, atol=1e-12)


def test_dropout_acts_while_training_only(tokens: StepSpec, make_batch: Callable[..., SequenceBatch]) -> None:
    encoder, batch = RnnEncoder(tokens, embedding=6, hidden=HIDDEN, dropout=0.5), make_batch(tokens)
    assert not torch.equal(encoder(batch), encoder(batch))
    encoder.eval()
    torch.testing.assert_close(encoder(batch), encoder(batch), rtol=0, atol=0)


def test_mean_pooling_of_bf16_states_is_a_float32_mean() -> None:
    """bf16 holds neither the sum nor the length 257 of a long sequence."""
    encoder = RnnEncoder(StepSpec(size=4), embedding=2, hidden=2, bidirectional=False, pooling="mean")
    states = torch.rand(1, 257, 2).bfloat16()
    batch = SequenceBatch(torch.zeros(1, 257, dtype=torch.int64), torch.tensor([257]))
    torch.testing.assert_close(encoder._pool(states, batch), states.double().mean(1).float(), rtol=1e-5, atol=0)
