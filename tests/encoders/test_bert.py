"""Pretrained encoders: the folder's weights, the library's own output, how much of them moves, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.encoders.bert import BertEncoder
from seqvae.encoders.t5 import T5Encoder
from seqvae.errors import ConfigError, DataError
from seqvae.learning_rates import rate_scale
from seqvae.steps import StepSpec

BERT = StepSpec(size=27, pad=0, bos=2, eos=3, unk=1)  # of the tiny folder's tokenizer
T5 = StepSpec(size=26, pad=0, bos=0, eos=1, unk=2)
FUNNEL = StepSpec(size=27, pad=0, bos=2, eos=3, unk=1)
MakeBatch = Callable[..., SequenceBatch]
NetworkFolder = Callable[[str], Path]


def test_it_is_the_librarys_bert(network_folder: NetworkFolder, make_batch: MakeBatch) -> None:
    """[CLS] words [SEP], each sentence alone and without padding."""
    from transformers import BertModel

    folder = str(network_folder("bert"))
    plain = BertModel.from_pretrained(folder).eval()
    encoders = {name: BertEncoder(BERT, pretrained=folder, pooling=name).eval() for name in ("cls", "mean")}
    batch = make_batch(BERT)
    for row, length in enumerate(batch.lengths.tolist()):
        states = plain(torch.cat([torch.tensor([BERT.bos]), batch.inputs[row, :length]])[None]).last_hidden_state[0]
        torch.testing.assert_close(encoders["cls"](batch)[row], states[0], rtol=0, atol=1e-6)
        torch.testing.assert_close(encoders["mean"](batch)[row], states.mean(0), rtol=0, atol=1e-6)


def test_it_is_the_librarys_t5(network_folder: NetworkFolder, make_batch: MakeBatch) -> None:
    from transformers import T5EncoderModel

    folder = str(network_folder("t5"))
    batch = make_batch(T5, [6, 6])
    ids = torch.cat([torch.full((2, 1), T5.bos), batch.inputs], dim=1)
    states = T5EncoderModel.from_pretrained(folder).eval()(ids).last_hidden_state
    encoder = T5Encoder(T5, pretrained=folder, pooling="max").eval()
    torch.testing.assert_close(encoder(batch), states.amax(1), rtol=0, atol=1e-6)


def test_it_is_the_librarys_funnel(network_folder: NetworkFolder, make_batch: MakeBatch) -> None:
    """Where nothing is cut off or filled up: [CLS], 6 words in pools of 2, and a masked end."""
    from transformers import FunnelBaseModel

    folder = str(network_folder("funnel"))
    batch = make_batch(FUNNEL, [6, 6])
    ids = torch.cat([torch.full((2, 1), FUNNEL.bos), batch.inputs, batch.inputs[:, -1:], batch.inputs[:, -1:]], dim=1)
    mask = torch.tensor([[1.0] * 7 + [0.0] * 2] * 2)
    plain = FunnelBaseModel.from_pretrained(folder).eval()
    states = plain(ids, attention_mask=mask, token_type_ids=torch.zeros_like(ids)).last_hidden_state
    encoder = registry.build("encoder", {"kind": "funnel", "pretrained": folder}, FUNNEL).eval()
    torch.testing.assert_close(encoder(batch), states[:, :4].mean(1), rtol=0, atol=1e-5)


@pytest.mark.parametrize("model_type", ["roberta", "distilbert", "modernbert"])
def test_others_are_read_without_padding_too(model_type: str, make_batch: MakeBatch, longer: Callable[..., SequenceBatch]) -> None:
    architecture: dict[str, Any] = {
        "model_type": model_type,
        "vocab_size": 23,
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 20,
        "pad_token_id": 0,
    }
    spec = StepSpec(size=23)
    encoder = BertEncoder(spec, architecture=architecture).double().eval()
    batch = make_batch(spec)
    torch.testing.assert_close(encoder(longer(batch)), encoder(batch), rtol=0, atol=1e-6)
    assert encoder.max_steps == (18 if model_type == "roberta" else 19), "RoBERTa's positions begin after its padding's"


# ---- how much of it moves ----


def test_frozen(make_batch: MakeBatch, tokens: StepSpec) -> None:
    encoder = BertEncoder(tokens, hidden=8, layers=2, heads=2, pooling="attention", frozen=True)
    encoder(make_batch(tokens)).square().sum().backward()
    assert {name for name, p in encoder.named_parameters() if p.grad is not None} == {"pool.query"}


def test_adapters_learn_and_the_network_does_not(make_batch: MakeBatch, tokens: StepSpec) -> None:
    pytest.importorskip("peft")
    sizes = {"hidden": 8, "layers": 2, "heads": 2, "dropout": 0.0}
    torch.manual_seed(0)
    plain = BertEncoder(tokens, **sizes)
    torch.manual_seed(0)
    encoder = BertEncoder(tokens, **sizes, lora_rank=2)
    batch = make_batch(tokens)
    torch.testing.assert_close(encoder(batch), plain(batch), rtol=0, atol=1e-6)  # B begins at zero
    encoder(batch).square().sum().backward()
    moving = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert len(moving) == 2 * 6 * 2  # A and B of six linear layers in two blocks
    assert all("lora_" in name for name in moving)


def test_adapters_without_their_library(monkeypatch: pytest.MonkeyPatch, tokens: StepSpec) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    with pytest.raises(ConfigError, match=r"model\.encoder\.lora_rank=2 needs the peft library: pip install 'seqvae\[lora\]'"):
        BertEncoder(tokens, hidden=8, layers=1, heads=2, lora_rank=2)


def test_deeper_layers_learn_more_slowly(tokens: StepSpec) -> None:
    encoder = BertEncoder(tokens, hidden=8, layers=3, heads=2, pooling="attention", layer_decay=0.5)
    scales = {name: rate_scale(p) for name, p in encoder.named_parameters()}
    assert scales["network.embeddings.position_embeddings.weight"] == 0.125
    assert [scales[f"network.encoder.layer.{i}.output.dense.weight"] for i in range(3)] == [0.25, 0.5, 1.0]
    assert scales["pool.query"] == 1.0


# ---- bad input ----


def test_a_sequence_beyond_the_positions_is_refused(make_batch: MakeBatch, tokens: StepSpec) -> None:
    encoder = BertEncoder(tokens, hidden=8, layers=1, heads=2, positions=10)
    encoder(make_batch(tokens, [9]))
    with pytest.raises(DataError, match=r"10 steps, and model\.encoder reads at most 9; .* data\.max_length=9"):
        encoder(make_batch(tokens, [10]))


@pytest.mark.parametrize("kind", ["bert", "t5", "funnel"])
def test_anothers_tokenizer_is_refused(kind: str, network_folder: NetworkFolder) -> None:
    with pytest.raises(ConfigError, match=r"the tokenizer has 50 tokens and the network of model\.encoder knows 2\d"):
        registry.build("encoder", {"kind": kind, "pretrained": str(network_folder(kind))}, StepSpec(size=50))


@pytest.mark.parametrize("kind", ["bert", "t5", "funnel"])
def test_a_name_that_is_nowhere(kind: str, tokens: StepSpec, tmp_path: Path) -> None:
    for name in ("no-such-network", str(tmp_path)):
        with pytest.raises(ConfigError, match=rf"model\.encoder\.pretrained={name} cannot be loaded: .*; give a folder"):
            registry.build("encoder", {"kind": kind, "pretrained": name}, tokens)
