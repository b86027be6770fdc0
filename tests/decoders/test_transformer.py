"""What is our own transformer decoder's: blocks against their equations, the latent at every position and in every layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae import schema
from seqvae.batch import SequenceBatch
from seqvae.decoders.transformer import TransformerDecoder
from seqvae.errors import ConfigError
from seqvae.generation.beam import beam_search
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy
from seqvae.model import build_model
from seqvae.steps import StepSpec

EVENT = torch.Size([3])
SIZES: dict[str, Any] = {"hidden": 8, "layers": 2, "heads": 2, "dropout": 0.0}
MakeBatch = Callable[..., SequenceBatch]


def by_hand(decoder: TransformerDecoder, z: Tensor, inputs: Tensor) -> Tensor:
    """Features `[B,T,H]` position by position: at each, every layer over an explicit list of keys and values, the slot first."""
    heads, wide = 2, 4
    slots = decoder.injection.memory(z).view(len(z), 2, heads, wide)
    previous = torch.cat([torch.full((len(inputs), 1), decoder.steps.bos), inputs[:, :-1]], dim=1)
    keys: list[list[Tensor]] = [[slots[:, layer]] for layer in range(2)]
    values: list[list[Tensor]] = [[slots[:, layer]] for layer in range(2)]
    theta = 10_000.0 ** -torch.tensor([0.0, 0.5], dtype=torch.float64)
    features = []
    for t in range(inputs.shape[1]):
        turn = torch.polar(torch.ones(2, dtype=torch.float64), t * theta)

        def turned(x: Tensor, turn: Tensor = turn) -> Tensor:
            pairs = torch.complex(x[..., :2], x[..., 2:]) * turn
            return torch.cat([pairs.real, pairs.imag], -1)

        state = decoder.embedding.table.weight[previous[:, t]] + z @ decoder.injection.embedding.weight.T
        for layer, block in enumerate(decoder.blocks.blocks):
            normed = functional.layer_norm(state, (8,), block.attention_norm.weight)
            q, k, v = (part.view(-1, heads, wide) for part in (normed @ block.attention.query_key_value.weight.T).chunk(3, -1))
            keys[layer].append(turned(k))
            values[layer].append(v)
            scores = torch.einsum("bhd,pbhd->bhp", turned(q), torch.stack(keys[layer])) / wide**0.5
            attended = torch.einsum("bhp,pbhd->bhd", scores.softmax(-1), torch.stack(values[layer])).flatten(1)
            state = state + attended @ block.attention.out.weight.T
            normed = functional.layer_norm(state, (8,), block.feed_norm.weight)
            state = state + functional.gelu(normed @ block.inner.weight.T, approximate="tanh") @ block.out.weight.T
        features.append(functional.layer_norm(state, (8,), decoder.blocks.norm.weight))
    return torch.stack(features, dim=1)


def test_it_is_the_equations(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder = TransformerDecoder(tokens, EVENT, **SIZES).double()
    for weight in decoder.parameters():
        nn.init.normal_(weight, std=0.4)  # far from the small weights of a beginning
    batch, z = make_batch(tokens), torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(decoder(z[None], batch)[0], by_hand(decoder, z, batch.inputs), rtol=0, atol=1e-10)


@pytest.mark.parametrize("injection", [("memory",), ("embedding",), ("memory", "embedding")])
def test_gradients_reach_the_latent_from_every_position(tokens: StepSpec, make_batch: MakeBatch, injection: Any) -> None:
    decoder, batch = TransformerDecoder(tokens, EVENT, **SIZES, injection=injection).double(), make_batch(tokens, [7])
    z = torch.randn(1, 1, 3, dtype=torch.float64, requires_grad=True)
    features = decoder(z, batch)
    for t in range(7):
        (slope,) = torch.autograd.grad(features[0, 0, t].square().sum() + features[0, 0, t].sum(), z, retain_graph=True)
        assert (slope.abs() > 0).all(), f"position {t} does not see the latent"


def test_gradients_reach_the_latent_through_every_layer(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder, batch = TransformerDecoder(tokens, EVENT, **SIZES, injection="memory").double(), make_batch(tokens, [7])
    decoder(torch.randn(1, 1, 3, dtype=torch.float64), batch).pow(3).sum().backward()
    assert (decoder.injection.memory.weight.grad.view(2, -1).abs().amax(1) > 0).all()


def test_generation_goes_by_the_cache_to_the_same_end(
    tokens: StepSpec, model_config: dict[str, Any], make_batch: MakeBatch
) -> None:
    """Greedy through the decode loop is the argmax of teacher forcing on what it wrote; a beam of one is greedy."""
    model: Any = build_model(tokens, {**model_config, "decoder": {"kind": "transformer", **SIZES}})
    z = torch.randn(5, 4)
    written = generate(model, z, Greedy(), 9)
    for row, sequence in enumerate(written):
        batch = SequenceBatch(torch.from_numpy(sequence).long()[None], torch.tensor([len(sequence)]))
        logits = model.likelihood.logits(model.decoder(z[None, row : row + 1], batch)[0, 0])
        logits[:, [tokens.pad, tokens.bos]] = -torch.inf
        assert logits.argmax(-1).tolist() == sequence.tolist()
    assert [s.tolist() for s in beam_search(model, z, 1, 9)] == [s.tolist() for s in written]


def test_injection_may_be_written_as_one_bare_name() -> None:
    problems: list[str] = []
    checked = schema.check_part("decoder", {"kind": "transformer", "injection": "memory"}, "model.decoder", problems)
    assert not problems
    assert checked["injection"] == ("memory",)


def test_a_width_that_the_heads_cannot_share(tokens: StepSpec) -> None:
    with pytest.raises(ConfigError, match=r"model\.decoder\.hidden=8 is no multiple of twice model\.decoder\.heads=3"):
        TransformerDecoder(tokens, EVENT, hidden=8, heads=3)
