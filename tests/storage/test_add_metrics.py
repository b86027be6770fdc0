"""Numbers measured after training reach a saved model's card, and nothing else of it changes."""

import hashlib

import pytest

from seqvae.errors import RunError
from seqvae.storage.pretrained import add_metrics
from seqvae.vae import SeqVAE


def test_the_numbers_reach_config_and_card_and_the_weights_stay(saved):
    before = hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    old = SeqVAE.from_pretrained(saved).metrics
    add_metrics(saved, "test", {"nll_nats": 101.25, "collapsed": False})
    back = SeqVAE.from_pretrained(saved)  # verifies the manifest
    assert back.metrics == {**old, "test": {"nll_nats": 101.25, "collapsed": False}}
    card = (saved / "README.md").read_text()
    assert "| nll_nats | 101.25 | nats per sequence |" in card
    assert "has not collapsed" in card
    assert hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest() == before
    assert not list(saved.glob(".partial*"))


def test_a_damaged_model_is_not_touched(saved):
    (saved / "model.safetensors").write_bytes(b"other")
    card = (saved / "README.md").read_text()
    with pytest.raises(RunError, match=r"model\.safetensors was altered"):
        add_metrics(saved, "test", {"nll_nats": 1.0})
    assert (saved / "README.md").read_text() == card
