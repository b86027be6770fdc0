"""T5 as decoder: the library's own where the latent tokens stand for its encoder's states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqvae.batch import SequenceBatch
from seqvae.decoders.t5 import T5Decoder
from seqvae.errors import ConfigError
from seqvae.likelihoods.categorical import CategoricalLikelihood
from seqvae.steps import StepSpec

T5 = StepSpec(size=26, pad=0, bos=0, eos=1, unk=2)  # the tiny folder's tokenizer
MakeBatch = Callable[..., SequenceBatch]


@pytest.fixture
def folder(network_folder: Callable[[str], Path]) -> str:
    return str(network_folder("t5"))


def test_its_logits_are_the_librarys(folder: str, make_batch: MakeBatch) -> None:
    from transformers import T5ForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput

    decoder = T5Decoder(T5, torch.Size([3]), pretrained=folder, tokens=2).eval()
    likelihood = CategoricalLikelihood(T5, decoder.width, decoder.embedding, tied=True)
    plain = T5ForConditionalGeneration.from_pretrained(folder).eval()
    batch, z = make_batch(T5, [6, 6]), torch.randn(2, 3)
    told = BaseModelOutput(last_hidden_state=(z @ decoder.tell.weight.T + decoder.tell.bias).view(2, 2, 8))
    expected = plain(encoder_outputs=told, decoder_input_ids=T5.shift_right(batch.inputs)).logits
    torch.testing.assert_close(likelihood.logits(decoder(z[None], batch)[0]), expected, rtol=0, atol=1e-5)


def test_a_sequence_of_latents_is_a_token_each(make_batch: MakeBatch) -> None:
    decoder = T5Decoder(T5, torch.Size([5, 3]), hidden=8, layers=1, heads=2, tokens=4)
    assert decoder.start(torch.randn(2, 5, 3)).told.shape == (2, 5, 8)
    assert T5Decoder(T5, torch.Size([3]), hidden=8, layers=1, heads=2, tokens=4).start(torch.randn(2, 3)).told.shape == (2, 4, 8)


def test_latent_tokens_are_projected_once(make_batch: MakeBatch) -> None:
    decoder = T5Decoder(T5, torch.Size([3]), hidden=8, layers=2, heads=2).eval()
    _, first = decoder.step(torch.tensor([0, 0]), decoder.start(torch.randn(2, 3)))
    _, second = decoder.step(torch.tensor([4, 5]), first)
    assert [key.shape[2] for key, _ in second.layers] == [2, 2]
    for before, after in zip(first.crossed, second.crossed, strict=True):
        assert torch.equal(before[0], after[0])


def test_anothers_tokenizer_is_refused(folder: str) -> None:
    with pytest.raises(ConfigError, match=r"the tokenizer has 40 tokens and the network of model\.decoder knows 26"):
        T5Decoder(StepSpec(size=40), torch.Size([3]), pretrained=folder)
