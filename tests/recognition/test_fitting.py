"""Fitting a classifier: on classes that can be told apart, on ones that cannot, and on what it must refuse."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from seqvae.encoders.rnn import RnnEncoder
from seqvae.errors import ConfigError, DataError
from seqvae.recognition import settings
from seqvae.recognition.fitting import _pace, fit_network

SMALL = ["epochs=6", "batch_tokens=128", "encoder.hidden=8", "encoder.embedding=8", "dropout=0", "lr=0.03"]


def share_right(network, store):
    batch = store.batch(range(len(store)))
    with torch.no_grad():
        return float((network(batch).argmax(dim=1) == batch.labels).double().mean())


def test_words_that_give_the_class_away_are_learnt(make_store, labelled, unseen, codec):
    network = fit_network(make_store(labelled), codec, 3, settings.load(SMALL))
    assert share_right(network, make_store(unseen)) == 1.0
    assert not network.training


def test_vectors_are_learnt_too_and_augmented(drawings):
    codec = SimpleNamespace(spec=drawings(2, 9).spec)
    chosen = settings.load([*SMALL, "augmentation=strokes", "epochs=12"])
    network = fit_network(drawings(120, 0), codec, 2, chosen)
    assert share_right(network, drawings(80, 1)) > 0.9


def test_where_records_do_not_differ_it_learns_the_smoothed_frequencies(make_store, codec):
    """argmin of E[-(1 - s) log p_c - s/C sum_k log p_k] is p_c = (1 - s) frequency_c + s/C."""
    store = make_store([("cat", 0 if number % 4 else 1) for number in range(120)])
    network = fit_network(store, codec, 2, settings.load([*SMALL, "epochs=40", "weight_decay=0", "smoothing=0.2"]))
    with torch.no_grad():
        told = network(store.batch([0])).softmax(dim=1)[0]
    assert told.tolist() == pytest.approx([0.8 * 0.75 + 0.1, 0.8 * 0.25 + 0.1], abs=0.01)


def test_records_without_a_label_are_not_learnt_from(make_store, labelled, codec):
    store = make_store([*labelled, *[("cat sun", -1)] * 50])
    bare = fit_network(make_store(labelled), codec, 3, settings.load(SMALL))
    other = fit_network(store, codec, 3, settings.load(SMALL))
    for name, tensor in bare.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_the_seed_decides_and_the_global_generator_is_left_alone(make_store, labelled, codec):
    store, chosen = make_store(labelled), settings.load(["epochs=1", *SMALL[1:]])
    state = torch.get_rng_state()
    first, again, other = (fit_network(store, codec, 3, chosen, seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_pace():
    assert [_pace(time) for time in (0, 0.025, 0.05, 0.525, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])


@pytest.mark.parametrize("labels", [[], [5], [-1, -1, -1]])
def test_fewer_than_two_classes(make_store, codec, labels):
    store = make_store([("cat dog", label) for label in labels or [7, 7]])
    with pytest.raises(DataError, match=r"have [01] classes in \d labels, and a classifier tells at least two apart"):
        fit_network(store, codec, 8, settings.load(SMALL))


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("epoch=3", "did you mean 'epochs'"),
        ("epochs=0", "epochs: input should be greater than 0, got 0"),
        ("encoder=rmn", "did you mean 'rnn'"),
        ("encoder.hiden=3", "did you mean 'hidden'"),
        ("smoothing=1", "smoothing"),
        ("augmentation=stroke", "did you mean 'strokes'"),
        ("epochs", "expected key=value"),
    ],
)
def test_settings_that_are_none(assignment, said):
    with pytest.raises(ConfigError, match=said):
        settings.load([assignment])


def test_another_encoder_by_name(make_store, labelled, codec):
    small = ["encoder=transformer", "encoder.hidden=8", "encoder.heads=2", "encoder.layers=1", "epochs=1"]
    network = fit_network(make_store(labelled), codec, 3, settings.load(small))
    assert type(network.encoder).__name__ == "TransformerEncoder"


def test_an_encoder_without_room(make_store, codec, monkeypatch):
    monkeypatch.setattr(RnnEncoder, "max_steps", 10, raising=False)
    store = make_store([("cat " * 30, 1), ("sun " * 30, 2)])
    with pytest.raises(ConfigError, match="the longest record has 31 steps, and the encoder has positions for 10"):
        fit_network(store, codec, 8, settings.load(SMALL))
