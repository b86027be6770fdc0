"""Noise on the encoder's input: what it may change, how often, and that the decoder never sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel
from seqvae.objectives.elbo import Elbo
from seqvae.steps import StepSpec

CASES: list[dict[str, Any]] = [
    {"kind": "word_drop", "share": 0.3},
    {"kind": "mask", "share": 0.3},
    {"kind": "substitute", "share": 0.3},
    {"kind": "shuffle", "distance": 2},
]
LENGTHS = [1, 2, 5, 9, 40, 40, 3]
MakeBatch = Callable[..., SequenceBatch]


@pytest.fixture(params=CASES, ids=str)
def noise(request: pytest.FixtureRequest, tokens: StepSpec) -> Any:
    return registry.build("noise", dict(request.param), steps=tokens)


@pytest.fixture
def batch(tokens: StepSpec, make_batch: MakeBatch) -> SequenceBatch:
    return make_batch(tokens, LENGTHS)


def sentences(batch: SequenceBatch) -> list[list[int]]:
    return [row[:length].tolist() for row, length in zip(batch.inputs, batch.lengths.tolist(), strict=True)]


def test_every_registered_noise_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("noise"))


def test_ends_and_padding_are_in_place_and_nothing_is_empty(noise: Any, batch: SequenceBatch, tokens: StepSpec) -> None:
    for _ in range(5):
        spoiled = noise(batch)
        assert (spoiled.lengths >= 1).all()
        assert (spoiled.lengths <= batch.lengths).all()
        assert spoiled.inputs.shape[1] == spoiled.lengths.max()
        assert all(words[-1] == tokens.eos and tokens.eos not in words[:-1] for words in sentences(spoiled))
        assert (spoiled.inputs[~spoiled.mask] == tokens.pad).all()


def test_it_repeats_under_the_same_generator_and_leaves_its_input_alone(noise: Any, batch: SequenceBatch) -> None:
    before = batch.inputs.clone()
    torch.manual_seed(3)
    first = noise(batch)
    torch.manual_seed(3)
    assert torch.equal(noise(batch).inputs, first.inputs)
    assert not all(torch.equal(noise(batch).inputs, first.inputs) for _ in range(3))
    assert torch.equal(batch.inputs, before)


def test_dropped_words_leave_the_others_in_their_order(batch: SequenceBatch, tokens: StepSpec) -> None:
    spoiled = registry.build("noise", {"kind": "word_drop", "share": 0.5}, steps=tokens)(batch)
    for before, after in zip(sentences(batch), sentences(spoiled), strict=True):
        rest = iter(before)
        assert all(word in rest for word in after)  # a subsequence


@pytest.mark.parametrize("kind", ["word_drop", "mask", "substitute"])
def test_the_share_is_kept(kind: str, tokens: StepSpec, make_batch: MakeBatch) -> None:
    """Within five standard errors of a binomial; one substitute in 19, the ordinary tokens, is the old word again."""
    batch, share = make_batch(tokens, [101] * 100, seed=1), 0.3  # not the seed that noise is drawn from
    spoiled = registry.build("noise", {"kind": kind, "share": share}, steps=tokens)(batch)
    shorter = int((batch.lengths - spoiled.lengths).sum())
    changed = shorter if kind == "word_drop" else int((batch.inputs != spoiled.inputs).sum())
    expected = share * (18 / 19 if kind == "substitute" else 1)
    assert abs(changed - 10_000 * expected) < 5 * (10_000 * expected * (1 - expected)) ** 0.5


@pytest.mark.parametrize(("share", "left"), [(0.0, 9), (1.0, 1)])
def test_the_ends_of_the_share(share: float, left: int, tokens: StepSpec, make_batch: MakeBatch) -> None:
    spoiled = registry.build("noise", {"kind": "word_drop", "share": share}, steps=tokens)(make_batch(tokens, [9]))
    assert spoiled.lengths.tolist() == [left]


def test_masked_words_are_unknown_and_substitutes_are_words(batch: SequenceBatch, tokens: StepSpec) -> None:
    for kind in ("mask", "substitute"):
        spoiled = registry.build("noise", {"kind": kind, "share": 1.0}, steps=tokens)(batch)
        words = [word for sentence in sentences(spoiled) for word in sentence[:-1]]
        special = {tokens.pad, tokens.bos, tokens.eos, tokens.unk}
        assert set(words) == {tokens.unk} if kind == "mask" else not special & set(words)


@pytest.mark.parametrize("distance", [1, 3])
def test_no_word_moves_further_than_the_distance(distance: int, tokens: StepSpec) -> None:
    inputs = torch.arange(100, 131)[None]
    inputs[0, -1] = tokens.eos
    noise = registry.build("noise", {"kind": "shuffle", "distance": distance}, steps=tokens)
    moves = set()
    for _ in range(50):
        spoiled = noise(SequenceBatch(inputs, torch.tensor([31]))).inputs[0]
        assert sorted(spoiled[:-1].tolist()) == list(range(100, 130))
        moves |= set((spoiled[:-1] - 100 - torch.arange(30)).tolist())
    assert max(map(abs, moves)) == distance


def test_the_encoder_reads_noise_and_the_decoder_writes_the_clean_sequence(
    noise: Any, make_model: Callable[..., SequenceModel], batch: SequenceBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model()
    seen: dict[str, SequenceBatch] = {}
    encode, decode = model.encoder.forward, model.decoder.forward
    monkeypatch.setattr(model.encoder, "forward", lambda b: (seen.update(encoder=b), encode(b))[1])
    monkeypatch.setattr(model.decoder, "forward", lambda z, b: (seen.update(decoder=b), decode(z, b))[1])
    Elbo(noise=noise)(model, batch, 0)
    assert torch.equal(seen["decoder"].inputs, batch.inputs)
    assert not torch.equal(seen["encoder"].encoder_view.inputs, batch.inputs)
    model(batch)  # as validation does
    assert torch.equal(seen["encoder"].encoder_view.inputs, batch.inputs)
