"""Sequences that a model wrote are encoded as the records that they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqvae.data.codec import TwoCodec
from seqvae.encoding import posterior, posterior_of_written
from seqvae.errors import DataError
from seqvae.modalities.text.words import WordCodec
from seqvae.model import build_model
from seqvae.steps import StepSpec

SENTENCES = ["the cat sat on the mat", "a dog ran", "the dog sat", "no"]


class Initials(WordCodec):
    """A codec whose encoder reads first letters, and cannot read a sentence that begins with "no"."""

    source_spec = StepSpec(size=32)

    def encode_source(self, records):
        if any(record.startswith("no") or not record for record in records):
            raise DataError("a record that begins with no")
        return [np.array([4 + ord(word[0]) % 28 for word in record.split()] + [2]) for record in records]


@pytest.mark.parametrize("kind", [WordCodec, Initials])
def test_what_was_written_is_encoded_like_the_record(kind, model_config):
    codec = kind()
    codec.fit(SENTENCES, 0)
    source = codec.source_spec if isinstance(codec, TwoCodec) else None
    model = build_model(codec.spec, model_config, source)
    records = SENTENCES[:3]
    found, expected = posterior_of_written(model, codec, codec.encode(records)), posterior(model, codec, records)
    torch.testing.assert_close(found.mean, expected.mean)
    cut_off = posterior_of_written(model, codec, [steps[:-1] for steps in codec.encode(records)])
    assert cut_off.mean.shape == found.mean.shape


def test_what_an_encoder_cannot_read_is_an_end_alone(model_config):
    codec = Initials()
    codec.fit(SENTENCES, 0)
    model = build_model(codec.spec, model_config, codec.source_spec)
    unread = posterior_of_written(model, codec, codec.encode(["no"])).mean
    empty = posterior_of_written(model, codec, [np.array([codec.spec.eos])]).mean
    torch.testing.assert_close(unread, empty)
    assert not torch.equal(unread, posterior(model, codec, ["a dog ran"]).mean)
