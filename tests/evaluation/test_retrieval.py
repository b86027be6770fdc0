"""Retrieval on models whose round trip is known, and against a sorted table of all pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from seqvae.conditions.none import NoCondition
from seqvae.data.store import SequenceStore
from seqvae.distributions.sphere import unit_sphere
from seqvae.evaluation.likelihood import posterior_pass
from seqvae.evaluation.reconstruction import reconstructions
from seqvae.evaluation.retrieval import retrieval_metrics


class Apart(NoCondition):
    """Tells the encoder the class, by which it puts latents far apart."""

    def inform(self, features: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        return features if labels is None else features + 100 * labels[:, None]


class Told(NoCondition):
    """Knows two classes, of which nothing is told that Echo would read."""

    names = ("circle", "square")


def asked(vae: Any, means: torch.Tensor, rows: np.ndarray | None = None, **options: Any) -> dict[str, float]:
    """What retrieval says of records with these posterior means."""
    return retrieval_metrics(vae, np.arange(len(means)) if rows is None else rows, means, reconstructions(vae, means), **options)


def test_a_model_that_gives_everything_back_finds_everything(echoing: Any) -> None:
    assert asked(echoing(1.0), torch.randn(60, 3)) == {
        "retrieval_gallery": 60,
        "retrieval_top1": 1.0,
        "retrieval_top10": 1.0,
        "retrieval_top50": 1.0,
    }


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_a_decoder_that_does_not_listen_finds_by_chance(echoing: Any, scale: float) -> None:
    """Whatever it writes, it is one place: each gallery member is the first, second, ... of all queries alike."""
    means = torch.randn(80, 3)
    same = [np.ones((1, 3), np.float32)] * 80
    found = retrieval_metrics(echoing(scale), np.arange(80), means, same)
    assert found == {"retrieval_gallery": 80, "retrieval_top1": 1 / 80, "retrieval_top10": 10 / 80, "retrieval_top50": 50 / 80}
    assert retrieval_metrics(echoing(scale), np.arange(80), torch.zeros(80, 3), same) == found  # nor an encoder


def test_as_the_table_of_all_pairs_says(echoing: Any) -> None:
    vae, means = echoing(1.0), torch.randn(70, 3)
    noisy = means + 0.5 * torch.randn(70, 3)
    found = retrieval_metrics(vae, np.arange(70), means, [row[None].numpy() for row in noisy])
    table = cdist(noisy.double(), means.double())
    rank = (table < np.diag(table)[:, None]).sum(1)  # how many are nearer than its own
    assert {k: found[f"retrieval_top{k}"] for k in (1, 10, 50)} == {k: (rank < k).mean() for k in (1, 10, 50)}
    assert 0 < found["retrieval_top1"] < found["retrieval_top10"] < found["retrieval_top50"]


def test_on_a_sphere_directions_count(echoing: Any) -> None:
    means = torch.randn(40, 3)
    assert asked(echoing(0.01), means)["retrieval_top1"] < 0.5
    assert asked(echoing(0.01, unit_sphere), unit_sphere.project(means))["retrieval_top1"] == 1.0


def test_the_gallery_is_the_first_records_whatever_their_order(echoing: Any) -> None:
    vae, means, rows = echoing(0.3), torch.randn(60, 3), np.random.default_rng(0).permutation(60)
    whole, few = asked(vae, means[rows], rows), asked(vae, means[rows], rows, gallery=20)
    assert whole == asked(vae, means)
    assert few == asked(vae, means[:20])
    assert few["retrieval_gallery"] == 20
    assert "retrieval_top50" not in few, "fifty of twenty are all of them"


def test_an_encoder_that_is_told_classes_is_told_them_again(echoing: Any) -> None:
    vae, steps, labels = echoing(1.0), torch.randn(20, 3), torch.arange(20) % 2
    vae.model.condition = Apart()
    means, written, rows = steps + 100 * labels[:, None], [row[None].numpy() for row in steps], np.arange(20)[::-1].copy()
    assert retrieval_metrics(vae, rows, means, written, labels, gallery=15)["retrieval_top1"] == 1.0
    assert retrieval_metrics(vae, rows, means, written, gallery=15)["retrieval_top1"] < 0.7


@pytest.mark.parametrize("sizes", [(40, 40), (60, 20)])
def test_a_decoder_that_listens_to_the_class_alone_finds_by_chance(echoing: Any, sizes: tuple[int, int]) -> None:
    """It writes one place for each class; among all eighty it would find twice as many as one that listens to nothing."""
    vae, means = echoing(1.0), torch.randn(80, 3)
    vae.model.condition = Told()
    labels = torch.arange(2).repeat_interleave(torch.tensor(sizes))[torch.randperm(80)]
    places = torch.randn(2, 1, 3).numpy()
    found = retrieval_metrics(vae, np.arange(80), means, [places[label] for label in labels], labels)
    assert found == {"retrieval_gallery": 40, "retrieval_top1": 1 / 40, "retrieval_top10": 10 / 40}
    copies = retrieval_metrics(vae, np.arange(80), means, [row[None].numpy() for row in means], labels)
    assert set(copies.values()) == {40, 1.0}


def test_a_record_alone_in_its_class_is_not_found_for_free(echoing: Any) -> None:
    vae, means, labels = echoing(1.0), torch.randn(5, 3), torch.tensor([0, 0, 0, -1, 1])
    vae.model.condition = Told()
    same = [np.ones((1, 3), np.float32)] * 5
    assert retrieval_metrics(vae, np.arange(5), means, same, labels) == {
        "retrieval_gallery": 3,
        "retrieval_top1": pytest.approx(1 / 3),
    }
    assert retrieval_metrics(vae, np.arange(5)[3:], means[3:], same[3:], labels[3:]) == {}


def test_one_record_has_no_gallery(echoing: Any) -> None:
    assert asked(echoing(1.0), torch.randn(1, 3)) == {}


def test_tokens_too(held: Any, store: SequenceStore) -> None:
    measured = posterior_pass(held.model, store)
    found = retrieval_metrics(held, measured.rows, measured.means, [np.asarray(store[row]) for row in measured.rows])
    assert found == {"retrieval_gallery": len(store), "retrieval_top1": 1.0}  # each "reconstruction" is the record
