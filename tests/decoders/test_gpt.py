"""GPT-2 as decoder: parity with the library's own, memory against the formula, one position of it all at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae.batch import SequenceBatch
from seqvae.decoders.gpt import GptDecoder
from seqvae.errors import ConfigError, DataError
from seqvae.likelihoods.categorical import CategoricalLikelihood
from seqvae.steps import StepSpec

EVENT = torch.Size([3])
SIZES: dict[str, Any] = {"hidden": 8, "layers": 2, "heads": 2, "positions": 20, "dropout": 0.0}
MakeBatch = Callable[..., SequenceBatch]
GPT2 = StepSpec(size=26, pad=25, bos=24, eos=0, unk=25)  # the tiny GPT-2's 24 tokens, and a start and a padding that it lacks


@pytest.fixture
def folder(network_folder: Callable[[str], Path]) -> str:
    return str(network_folder("gpt2"))


def silenced(decoder: nn.Module) -> nn.Module:
    """The same decoder whose latent enters as zero."""
    for weight in decoder.injection.parameters():
        nn.init.zeros_(weight)
    return decoder


def test_without_injection_it_is_the_librarys_gpt2_bit_for_bit(folder: str, make_batch: MakeBatch) -> None:
    from transformers import GPT2LMHeadModel

    decoder = silenced(GptDecoder(GPT2, EVENT, pretrained=folder, injection=("embedding",))).eval()
    likelihood = CategoricalLikelihood(GPT2, decoder.width, decoder.embedding, tied=True)
    plain = GPT2LMHeadModel.from_pretrained(folder).eval()
    plain.resize_token_embeddings(GPT2.size)
    plain.set_input_embeddings(decoder.embedding.table)
    plain.tie_weights()
    batch = make_batch(GPT2, [9, 9, 9])
    features = decoder(torch.randn(1, 3, 3), batch)[0]
    ids = GPT2.shift_right(batch.inputs)
    assert torch.equal(features, plain.transformer(ids).last_hidden_state)
    assert torch.equal(likelihood.logits(features), plain(ids).logits)


def test_pretrained_weights_are_the_folders(folder: str) -> None:
    from transformers import GPT2LMHeadModel

    held = GPT2LMHeadModel.from_pretrained(folder).transformer
    decoder = GptDecoder(GPT2, EVENT, pretrained=folder)
    assert torch.equal(decoder.network.h[1].mlp.c_fc.weight, held.h[1].mlp.c_fc.weight)
    assert torch.equal(decoder.embedding.table.weight[:24], held.wte.weight)
    assert torch.equal(decoder.embedding.table.weight[GPT2.bos], held.wte.weight[GPT2.eos]), "a new start begins as the end"


def gpt2_by_hand(network: Any, inputs: Tensor, memory: Tensor) -> Tensor:
    """GPT-2's equations with one more key and value in every layer, `memory [R,layers,heads,1,d]`: head by head, a full mask."""
    steps = inputs.shape[1]
    mask = torch.tensor([[s <= t + 1 for s in range(steps + 1)] for t in range(steps)])
    states = inputs + network.wpe.weight[:steps]
    for layer, block in enumerate(network.h):
        normed = functional.layer_norm(states, states.shape[-1:], block.ln_1.weight, block.ln_1.bias)
        query, key, value = (normed @ block.attn.c_attn.weight + block.attn.c_attn.bias).chunk(3, dim=-1)
        heads = []
        for head in range(2):
            part = slice(4 * head, 4 * head + 4)
            slot = memory[:, layer, head]
            keys, values = torch.cat([slot, key[..., part]], 1), torch.cat([slot, value[..., part]], 1)
            scores = (query[..., part] @ keys.transpose(1, 2) / 2.0).masked_fill(~mask, -torch.inf)
            heads.append(scores.softmax(-1) @ values)
        states = states + torch.cat(heads, -1) @ block.attn.c_proj.weight + block.attn.c_proj.bias
        normed = functional.layer_norm(states, states.shape[-1:], block.ln_2.weight, block.ln_2.bias)
        inner = functional.gelu(normed @ block.mlp.c_fc.weight + block.mlp.c_fc.bias, approximate="tanh")
        states = states + inner @ block.mlp.c_proj.weight + block.mlp.c_proj.bias
    return functional.layer_norm(states, states.shape[-1:], network.ln_f.weight, network.ln_f.bias)


def test_memory_is_the_formula(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder = GptDecoder(tokens, EVENT, **SIZES).eval()
    nn.init.normal_(decoder.injection.memory.weight)
    batch, z = make_batch(tokens, [7, 7]), torch.randn(2, 3)
    embedded = decoder.embedding.table(tokens.shift_right(batch.inputs)) + decoder.injection.embedding(z)[:, None]
    memory = decoder.injection.memory(z).view(2, 2, 2, 1, 4)
    expected = gpt2_by_hand(decoder.network, embedded, memory)
    torch.testing.assert_close(decoder(z[None], batch)[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("injection", [("memory",), ("embedding",), ("memory", "embedding")])
def test_gradients_reach_the_latent_from_every_position(tokens: StepSpec, make_batch: MakeBatch, injection: Any) -> None:
    decoder, batch = GptDecoder(tokens, EVENT, **SIZES, injection=injection).double().eval(), make_batch(tokens, [7])
    z = torch.randn(1, 1, 3, dtype=torch.float64, requires_grad=True)
    features = decoder(z, batch)
    for t in range(7):
        (slope,) = torch.autograd.grad(features[0, 0, t].square().sum(), z, retain_graph=True)
        assert (slope.abs() > 0).all(), f"position {t} does not see the latent"


def test_gradients_reach_the_latent_through_every_layer(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder, batch = GptDecoder(tokens, EVENT, **SIZES, injection=("memory",)).double().eval(), make_batch(tokens, [7])
    decoder(torch.randn(1, 1, 3, dtype=torch.float64), batch).square().sum().backward()
    assert (decoder.injection.memory.weight.grad.view(2, -1).abs().amax(1) > 0).all()


@pytest.mark.parametrize(
    "architecture",
    [
        {"model_type": "llama", "num_key_value_heads": 1, "intermediate_size": 16, "max_position_embeddings": 20},
        {"model_type": "opt", "ffn_dim": 16, "word_embed_proj_dim": 8, "max_position_embeddings": 20, "dropout": 0.0},
    ],
    ids=lambda architecture: architecture["model_type"],
)
def test_others_of_the_family_are_told_and_cached_alike(
    architecture: dict[str, Any], tokens: StepSpec, make_batch: MakeBatch
) -> None:
    sizes = {"vocab_size": tokens.size, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 0}
    decoder = GptDecoder(tokens, EVENT, architecture={**architecture, **sizes}).double().eval()
    batch, z = make_batch(tokens, [6, 6]), torch.randn(2, 3, dtype=torch.float64)
    forced, previous, state = decoder(z[None], batch)[0], tokens.shift_right(batch.inputs), decoder.start(z)
    assert (decoder(z[None] + 1, batch)[0] - forced).abs().amax(-1).min() > 1e-9
    for t in range(6):
        feature, state = decoder.step(previous[:, t], state)
        torch.testing.assert_close(feature, forced[:, t], rtol=0, atol=1e-6)  # their norms and angles are in float32


def test_a_frozen_network_still_learns_to_be_told(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder = GptDecoder(tokens, EVENT, **SIZES, frozen=True)
    decoder(torch.randn(1, 4, 3), make_batch(tokens)).square().sum().backward()
    moving = {name for name, p in decoder.named_parameters() if p.grad is not None}
    assert moving == {"injection.memory.weight", "injection.embedding.weight"}


# ---- bad input ----


def test_anothers_tokenizer_is_refused(folder: str, tokens: StepSpec) -> None:
    with pytest.raises(ConfigError, match=r"the tokenizer has 90 tokens and the network of model\.decoder knows 24; .*name: "):
        GptDecoder(StepSpec(size=90), EVENT, pretrained=folder)
    with pytest.raises(ConfigError, match="has 23 tokens"):
        GptDecoder(tokens, EVENT, pretrained=folder)


def test_a_sequence_beyond_the_positions_is_refused(tokens: StepSpec, make_batch: MakeBatch) -> None:
    decoder = GptDecoder(tokens, EVENT, **SIZES)
    assert decoder.max_steps == 20
    decoder(torch.randn(1, 1, 3), make_batch(tokens, [20]))
    with pytest.raises(DataError, match=r"21 steps, and model\.decoder reads at most 20; .* data\.max_length=20"):
        decoder(torch.randn(1, 1, 3), make_batch(tokens, [21]))
    state = decoder.start(torch.randn(1, 3))
    for _ in range(20):
        _, state = decoder.step(torch.tensor([5]), state)
    with pytest.raises(DataError, match="21 steps"):
        decoder.step(torch.tensor([5]), state)


@pytest.mark.parametrize("spec", [StepSpec(size=23, bos=-1), StepSpec(size=23, bos=23), StepSpec(size=5, discrete=False)])
def test_a_tokenizer_without_a_start_is_refused(spec: StepSpec) -> None:
    with pytest.raises(ConfigError, match=r"model\.decoder needs a start"):
        GptDecoder(spec, EVENT, **SIZES)


def test_a_name_that_is_nowhere(tokens: StepSpec) -> None:
    with pytest.raises(ConfigError, match=r"model\.decoder\.pretrained=gtp2 cannot be loaded: .*; give a folder"):
        GptDecoder(tokens, EVENT, pretrained="gtp2")


def test_an_architecture_that_is_none(tokens: StepSpec) -> None:
    with pytest.raises(ConfigError, match=r"model\.decoder\.architecture: .*model_type"):
        GptDecoder(tokens, EVENT, architecture={"hidden_size": 8})
    with pytest.raises(ConfigError, match=r"model\.decoder\.architecture: .*gtp2"):
        GptDecoder(tokens, EVENT, architecture={"model_type": "gtp2"})
