"""What is the recurrent decoder's own: how the latent enters, dropout, word dropout."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seqvae import schema
from seqvae.batch import SequenceBatch
from seqvae.decoders.rnn import RnnDecoder
from seqvae.errors import ConfigError
from seqvae.steps import StepSpec

EVENT = torch.Size([3])
MakeBatch = Callable[..., SequenceBatch]


def lstm_by_hand(decoder: RnnDecoder, z: Tensor, inputs: Tensor) -> Tensor:
    """Features `[B,T,H]` by the LSTM equations (Hochreiter & Schmidhuber 1997), gates in torch's order i, f, g, o."""
    w_x, w_h, b_x, b_h = (
        getattr(decoder.layers[0].rnn, name) for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    cell = z @ decoder.initial_state.weight.T + decoder.initial_state.bias
    hidden = torch.tanh(cell)
    previous = torch.cat([torch.full((len(inputs), 1), decoder.steps.bos), inputs[:, :-1]], dim=1)
    features = []
    for t in range(inputs.shape[1]):
        x = torch.cat([decoder.embedding.table.weight[previous[:, t]], z], dim=-1)
        i, f, g, o = (x @ w_x.T + b_x + hidden @ w_h.T + b_h).chunk(4, dim=-1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        features.append(hidden)
    return torch.stack(features, dim=1)


def test_it_is_an_lstm_that_is_told_the_latent(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, dropout=0.0).double()
    batch, z = make_batch(tokens), torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(decoder(z[None], batch)[0], lstm_by_hand(decoder, z, batch.inputs), rtol=0, atol=1e-12)


def test_injection_decides_where_the_latent_enters(tokens: StepSpec) -> None:
    decoder = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, injection=("input",))
    assert decoder.initial_state is None
    assert decoder.layers[0].rnn.input_size == 6 + 3
    decoder = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, injection=("initial_state",))
    assert decoder.initial_state is not None
    assert decoder.layers[0].rnn.input_size == 6


def test_tanh_state_fills_every_part_of_the_state(tokens: StepSpec) -> None:
    cell = {"kind": "hyper_lstm", "small": 3, "bottleneck": 2}
    decoder = RnnDecoder(tokens, EVENT, embedding=6, hidden=4, layers=2, cell=cell, injection=("tanh_state",))
    z = torch.randn(5, 3)
    parts = [part for layer in decoder.start(z).recurrent for part in layer]
    assert [part.shape[1] for part in parts] == [4, 4, 3, 3] * 2
    torch.testing.assert_close(
        torch.cat(parts, dim=-1), torch.tanh(z @ decoder.initial_state.weight.T + decoder.initial_state.bias)
    )


def test_one_way_to_start_is_enough(tokens: StepSpec) -> None:
    with pytest.raises(ConfigError, match="initial_state and tanh_state are two ways to start; give one"):
        RnnDecoder(tokens, EVENT, injection=("initial_state", "tanh_state"))


def test_without_injection_it_is_an_unconditional_model(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder, batch = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, injection=(), dropout=0.0), make_batch(tokens)
    assert torch.equal(decoder(torch.randn(2, 4, 3), batch), decoder(torch.randn(2, 4, 3), batch))
    assert not any(part.any() for part in decoder.start(torch.randn(4, 3)).recurrent[0])


def test_injection_may_be_written_as_one_bare_name() -> None:
    problems: list[str] = []
    checked = schema.check_part("decoder", {"kind": "rnn", "injection": "input"}, "model.decoder", problems)
    assert not problems
    assert checked["injection"] == ("input",)


def test_word_dropout_replaces_previous_words_by_unk_while_training(tokens: StepSpec) -> None:
    decoder = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, word_dropout=0.3)
    previous = torch.randint(4, tokens.size, (50, 40))
    previous[:, 0] = tokens.bos
    dropped = decoder.word_dropout(previous)
    changed = dropped != previous
    assert (dropped[changed] == tokens.unk).all()
    assert not changed[:, 0].any(), "the start is no word"
    share = changed[:, 1:].double().mean().item()
    assert abs(share - 0.3) < 5 * (0.3 * 0.7 / changed[:, 1:].numel()) ** 0.5
    assert torch.equal(decoder.eval().word_dropout(previous), previous)


def test_word_dropout_of_everything_hides_the_words(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, dropout=0.0, word_dropout=1.0)
    z = torch.randn(1, 2, 3)
    first, second = make_batch(tokens, [6, 6], seed=0), make_batch(tokens, [6, 6], seed=1)
    assert torch.equal(decoder(z, first), decoder(z, second))


def test_word_dropout_leaves_strokes_alone() -> None:
    decoder = RnnDecoder(StepSpec(size=2, discrete=False, start=(0.0, 0.0)), EVENT, hidden=8, dropout=0.0, word_dropout=1.0)
    batch = SequenceBatch(torch.randn(2, 4, 2), torch.tensor([4, 4]))
    moved = SequenceBatch(batch.inputs + 1, batch.lengths)
    z = torch.randn(1, 2, 3)
    assert not torch.equal(decoder(z, batch), decoder(z, moved))


@pytest.mark.parametrize("layers", [1, 2])
def test_dropout_acts_while_training_only(tokens: StepSpec, make_batch: MakeBatch, layers: int) -> None:
    decoder, batch = RnnDecoder(tokens, EVENT, embedding=6, hidden=8, layers=layers, dropout=0.5), make_batch(tokens)
    z = torch.randn(1, 4, 3)
    assert not torch.equal(decoder(z, batch), decoder(z, batch))
    decoder.eval()
    assert torch.equal(decoder(z, batch), decoder(z, batch))
