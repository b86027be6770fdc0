"""What every guard must do, and each against its formula. A new guard is one line in `CASES`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.explore.goal import Goal
from seqvae.explore.guards.likelihood import DecoderLikelihood
from seqvae.explore.guards.reencode import Reencode
from seqvae.explore.guards.shell import PriorShell, band
from seqvae.explore.starts import Starts, from_records
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy
from seqvae.heads.property_heads import PropertyHeads

CASES: list[dict[str, Any]] = [
    {"kind": "shell"},
    {"kind": "ball", "radius": 0.5},
    {"kind": "ensemble"},
    {"kind": "likelihood", "tolerance": 0.5},
    {"kind": "reencode"},
]


def at(z):
    """Starts at latents, whatever their records."""
    return Starts(z, [""] * len(z))


@pytest.fixture
def goal(vae):
    return Goal(vae.model.heads, {"words": 1.0})


@pytest.fixture(params=CASES, ids=lambda case: case["kind"])
def guard(request):
    return registry.build("guard", dict(request.param))


def test_every_registered_guard_is_tested():
    assert {case["kind"] for case in CASES} == set(registry.names("guard"))


def test_shapes_and_where_it_starts(guard, vae, goal, sentences):
    start = vae.encode(sentences)
    guard.begin(vae, goal, at(start))
    torch.testing.assert_close(guard.project(start), start)  # no start is ever moved
    assert guard.admits(start, start).all()
    z = (start + 5).requires_grad_()
    penalty = guard.penalty(z)
    assert penalty.shape == (len(sentences),)
    assert (penalty >= 0).all()
    torch.testing.assert_close(guard.project(guard.project(z)), guard.project(z))
    assert guard.admits(z, start).shape == (len(sentences),)


# E|z| is between these with 99 % probability for z ~ N(0, I): quantiles of the chi distribution
@pytest.mark.parametrize(("latent", "low", "high"), [(32, 3.890, 7.505), (64, 6.214, 9.843), (128, 9.515, 13.152)])
def test_the_shell_of_a_gaussian(vae, latent, low, high):
    vae.model.prior = registry.build("prior", {"kind": "standard_normal"}, torch.Size([latent]))
    assert band(vae, 0.99) == pytest.approx((low, high), abs=0.04)


def test_the_shell_is_always_the_same_and_leaves_chance_alone(vae):
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    assert band(vae, 0.9) == band(vae, 0.9)
    assert torch.rand(1) == expected


def test_off_the_shell_a_row_is_scaled_to_its_edge(vae, goal):
    start = torch.tensor([[0.1, 0, 0, 0], [2.0, 0, 0, 0]])
    shell = PriorShell()
    shell.begin(vae, goal, at(start))
    low, high = band(vae, 0.99)
    assert 0.1 < low < 2 < high
    moved = shell.project(torch.tensor([[0.0, 0.01, 0, 0], [0.0, 0, 100.0, 0]]))
    torch.testing.assert_close(moved, torch.tensor([[0.0, 0.1, 0, 0], [0.0, 0, high, 0]]))
    assert torch.isfinite(shell.project(torch.zeros(2, 4))).all()


def test_the_ensemble_takes_off_its_disagreement(vae, goal):
    guard = registry.build("guard", {"kind": "ensemble", "weight": 2.0})
    guard.begin(vae, goal, at(torch.zeros(1, 4)))
    z = torch.tensor([[9.0, 0, 0, 4.0]])  # members say 9 and 11
    assert guard.penalty(z).item() == pytest.approx(2.0)


def test_an_ensemble_of_one_knows_no_spread(vae, make_head):
    vae.model.heads = PropertyHeads({"words": make_head([1.0, 0, 0, 0])})
    with pytest.raises(ConfigError, match="needs heads with several members; fit them with ensemble=5"):
        registry.build("guard", {"kind": "ensemble"}).begin(vae, Goal(vae.model.heads, {"words": 1.0}), at(torch.zeros(1, 4)))


def test_the_likelihood_is_that_of_the_greedy_decode(vae, goal, sentences):
    z = vae.encode(sentences)
    guard = DecoderLikelihood(weight=0.5, tolerance=1e-6, every=1)
    guard.begin(vae, goal, at(z))
    penalty = guard.penalty(z)
    for row, written in enumerate(generate(vae.model, z, Greedy(), vae.max_length)):
        alone = SequenceBatch(torch.from_numpy(written.astype(np.int64))[None], torch.tensor([len(written)]))
        nats = -vae.model.log_likelihood(z[None, row : row + 1], alone).item()
        assert penalty[row].item() == pytest.approx(0.5 * nats, rel=1e-3)


def test_the_likelihood_is_of_the_starts_own_class(told, sentences):
    """Each row as if it stood alone, told its class; told another, or none, it costs something else."""
    labels = torch.tensor([0, 1, 1, 0, -1])
    begin, goal = from_records(told, sentences, labels), Goal(told.model.heads, {"words": 1.0})
    guard = DecoderLikelihood(weight=1.0, tolerance=1e-6, every=1)
    guard.begin(told, goal, begin)
    penalty = guard.penalty(begin.z)
    for row, label in enumerate(labels):
        z, nats = begin.z[row : row + 1], []
        for said in (label[None], (label[None] + 2) % 3 - 1):
            written = torch.from_numpy(generate(told.model, z, Greedy(), told.max_length, labels=said)[0].astype(np.int64))[None]
            alone = SequenceBatch(written, torch.tensor([written.shape[1]]), labels=said)
            nats.append(-told.model.log_likelihood(z[None], alone).item())
        assert penalty[row].item() == pytest.approx(nats[0], rel=1e-4)
        assert penalty[row].item() != pytest.approx(nats[1], rel=2e-3)


def test_the_likelihood_leaves_what_is_usual_alone_and_pulls_on_the_rest(vae, goal, sentences):
    guard = DecoderLikelihood(weight=1.0, tolerance=1.0, every=1)
    start = vae.encode(sentences)
    guard.begin(vae, goal, at(start))
    assert (guard.penalty(start) < 1e-3).all()
    guard.usual = guard.usual * 0
    z = start.clone().requires_grad_()
    guard.penalty(z).sum().backward()
    assert z.grad is not None
    assert (z.grad != 0).any()


def test_what_encodes_elsewhere_is_not_kept():
    z = torch.tensor([[3.0, 4.0], [3.0, 4.0]])
    again = torch.tensor([[3.0, 5.0], [3.0, 10.0]])
    assert Reencode(share=0.5).admits(z, again).tolist() == [True, False]
