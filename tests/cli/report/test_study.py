from __future__ import annotations

import numpy as np
import pytest

from seqvae.cli.report import study as studies


@pytest.fixture(scope="module")
def gathered(trained, cache):
    """The study of the tiny run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQVAE_CACHE", str(cache))
        patch.setattr(studies, "IMPORTANCE_SAMPLES", 3)
        return studies.gather(trained.json["run"], "sentences", "a file")


def test_it_looks_at_records_that_training_never_saw(gathered, corpus):
    seen = {record for record, _ in gathered.reconstructions} | set(gathered.named.values())
    lines = corpus.read_text().splitlines()
    assert seen <= set(lines)
    assert len(gathered.places) == len(gathered.sizes) == gathered.metrics["count"]
    assert 0.1 < len(gathered.places) / len(lines) < 0.3  # the recipe's share of test records is 0.2
    assert gathered.facts["training_records"] < 0.8 * len(lines)


def test_the_map_spreads_most_along_its_first_axis(gathered):
    spread = gathered.places.var(axis=0)
    assert spread[0] >= spread[1] > 0
    assert spread[0] / spread[1] == pytest.approx(gathered.explained[0] / gathered.explained[1])
    np.testing.assert_allclose(gathered.places.mean(axis=0), 0, atol=1e-9)


def test_named_records_are_spread_out_and_lengths_are_theirs(gathered):
    assert len(gathered.named) == 9
    for row, record in gathered.named.items():
        assert gathered.sizes[row] == len(record.split())


def test_walks_join_what_is_numbered(seqvae, gathered, run_folder):
    rows, numbered = list(gathered.named), list(gathered.named.values())
    assert len(gathered.walks) == 2
    for walk in gathered.walks:
        assert list(walk.records) == seqvae("interpolate", run_folder, numbered[walk.start - 1], numbered[walk.end - 1]).lines
        ends = gathered.places[[rows[walk.start - 1], rows[walk.end - 1]]]
        np.testing.assert_allclose(walk.places[[0, -1]], ends, atol=1e-5)


def test_its_numbers_are_those_of_the_run(gathered):
    assert len(gathered.rates) == gathered.metrics["latent_dim"] == 4
    assert sum(gathered.rates) == pytest.approx([line for line in gathered.history if line["kind"] == "valid"][-1]["rate_nats"])
    assert gathered.seconds == max(line.get("seconds", 0) for line in gathered.history)
    assert gathered.floor is None


def test_marks_lie_nearest_the_quantiles():
    grid = np.array([(x, y) for y in range(11) for x in range(11)], dtype=float)  # its deciles are its own lines
    marks = studies._marks(grid)
    assert [tuple(grid[row]) for row in marks] == [(x, y) for y in (9, 5, 1) for x in (1, 5, 9)]
    assert len(set(studies._marks(np.zeros((9, 2))))) == 9


@pytest.mark.parametrize(
    ("objective", "floor"),
    [
        ({"preset": "elbo"}, None),
        ({"preset": "elbo", "rate": None}, None),
        ({"preset": "elbo", "rate": {"kind": "plain"}}, None),
        ({"preset": "elbo", "rate": {"kind": "free_bits", "variant": "dimension_batch", "nats": 0.3}}, 0.3),
        ({"preset": "elbo", "rate": {"kind": "free_bits", "variant": "total", "nats": 8.0}}, None),
        ({"preset": "elbo", "rate": {"kind": "free_bits", "variant": "total_batch", "nats": 25.6}}, None),
    ],
)
def test_the_floor_is_a_dimensions(objective, floor):
    assert studies._floor(objective) == floor
