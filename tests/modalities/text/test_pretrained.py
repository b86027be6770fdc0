"""Tokenizers of pretrained networks: special tokens, round trips, what is saved, two at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seqvae.data.codec import source_sequences, source_spec
from seqvae.errors import ConfigError, DataError
from seqvae.modalities.text.pretrained import PretrainedCodec, special_tokens
from seqvae.modalities.text.words import WordCodec
from seqvae.steps import StepSpec

NetworkFolder = Callable[[str], Path]
RECORDS = ["a0 b1 c2", "d0"]


def codec_of(network_folder: NetworkFolder, name: str, encoder: str | None = None) -> PretrainedCodec:
    codec = PretrainedCodec(name=str(network_folder(name)), encoder=encoder and str(network_folder(encoder)))
    codec.fit([], seed=0)
    return codec


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "funnel"])
def test_sentences_come_back(network_folder: NetworkFolder, family: str) -> None:
    codec = codec_of(network_folder, family)
    sequences = codec.encode(RECORDS)
    assert [s[-1] for s in sequences] == [codec.spec.eos] * 2
    assert [len(s) for s in sequences] == [4, 2]
    assert sequences[0].dtype == np.int32
    noise = np.array([codec.spec.eos, codec.spec.pad, 5], np.int32)
    assert codec.decode([np.concatenate([s, noise]) for s in sequences]) == RECORDS
    assert codec.units("a0 b1 c2") == 3


def test_the_specials_of_the_families(network_folder: NetworkFolder) -> None:
    specs = {family: codec_of(network_folder, family).spec for family in ("bert", "gpt2", "t5")}
    assert specs["bert"] == StepSpec(size=27, pad=0, bos=2, eos=3, unk=1)
    assert specs["gpt2"] == StepSpec(size=26, pad=25, bos=24, eos=0, unk=25), "one token is no start, end and padding at once"
    assert specs["t5"] == StepSpec(size=26, pad=0, bos=0, eos=1, unk=2), "T5 starts with its padding"


class Bare(SimpleNamespace):
    """A tokenizer of ten tokens without any special one."""

    eos_token_id = sep_token_id = pad_token_id = bos_token_id = cls_token_id = unk_token_id = None

    def __len__(self) -> int:
        return 10


def test_a_tokenizer_without_any_gets_all_three() -> None:
    assert special_tokens(Bare()) == StepSpec(size=13, pad=12, bos=11, eos=10, unk=12)


def test_what_is_saved_needs_no_name(network_folder: NetworkFolder, tmp_path: Path) -> None:
    codec = codec_of(network_folder, "gpt2", "bert")
    codec.save(tmp_path)
    again = PretrainedCodec(name="nowhere", encoder="nowhere-either")
    again.load(tmp_path)
    assert (again.spec, again.source_spec, again.fingerprint) == (codec.spec, codec.source_spec, codec.fingerprint)
    assert [s.tolist() for s in again.encode(RECORDS)] == [s.tolist() for s in codec.encode(RECORDS)]


def test_the_encoder_may_read_another_tokenizers(network_folder: NetworkFolder) -> None:
    codec = codec_of(network_folder, "gpt2", "bert")
    read = codec_of(network_folder, "bert")
    assert source_spec(codec) == read.spec
    assert [s.tolist() for s in source_sequences(codec, RECORDS)] == [s.tolist() for s in read.encode(RECORDS)]
    assert source_spec(read) is None
    assert source_sequences(read, RECORDS) == []
    assert source_spec(WordCodec()) is None


def test_the_fingerprint_is_of_the_content(network_folder: NetworkFolder) -> None:
    prints = {codec_of(network_folder, name, encoder).fingerprint for name in ("bert", "gpt2") for encoder in (None, "bert")}
    assert len(prints) == 4
    assert PretrainedCodec(name=str(network_folder("bert"))).fingerprint == codec_of(network_folder, "bert").fingerprint


def test_bad_input(network_folder: NetworkFolder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.name=no-such-thing cannot be loaded: .*; give a folder"):
        PretrainedCodec(name="no-such-thing").fit([], seed=0)
    with pytest.raises(ConfigError, match=r"tokenizer\.encoder=no-such-thing cannot be loaded"):
        PretrainedCodec(name=str(network_folder("gpt2")), encoder="no-such-thing").fit([], seed=0)
    with pytest.raises(DataError, match="'  ' has no token"):
        codec_of(network_folder, "bert").encode(["a0", "  "])
    with pytest.raises(DataError, match="no tokenizer in"):
        PretrainedCodec(name="x").load(tmp_path)
