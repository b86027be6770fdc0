"""Unusual posteriors from the command line: `seqvae fit-prior`, and what train and evaluate make of a posterior without a
density."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def run_copy(run_folder: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run_folder, tmp_path / "run"))


def test_a_prior_is_fitted_and_sampled(seqvae: Run, run_copy: Path) -> None:
    result = seqvae("fit-prior", run_copy, "--components", 3, "--json")
    assert result.code == 0, result.err
    assert result.json["components"] == 3
    drawn = [
        seqvae("sample", run_copy, "-n", 4, "--seed", 0, *more, "--json").json["records"] for more in ((), ("--prior", "ex_post"))
    ]
    assert [len(records) for records in drawn] == [4, 4]
    assert drawn[0] != drawn[1]
    evaluated = seqvae("evaluate", run_copy, "--samples", 2, "--json")
    assert evaluated.code == 0, evaluated.err
    assert json.loads((run_copy / "model" / "config.json").read_text())["ex_post"]["components"] == 3


def test_a_prior_that_was_not_fitted_is_refused(refused: Run, run_folder: str) -> None:
    assert "no ex-post prior; fit one with seqvae fit-prior" in refused("sample", run_folder, "--prior", "ex_post")


def test_a_point_posterior_is_trained_evaluated_and_sampled(seqvae: Run, recipe: Path, tmp_path: Path) -> None:
    run = tmp_path / "autoencoder"
    settings = ("training.steps=30", "training.validate_every=15", "model.posterior.kind=deterministic")
    assert (trained := seqvae("train", recipe, f"out={run}", *settings)).code == 0, trained.err
    valid = [line for line in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if line["kind"] == "valid"]
    assert all("elbo_nats" not in line for line in valid)
    best = min(valid, key=lambda line: line["distortion_nats"])
    assert json.loads((run / "model" / "config.json").read_text())["metrics"]["made"]["step"] == best["step"]
    judged = seqvae("evaluate", run)
    assert judged.code == 0, judged.err
    assert "without a density" in judged.out
    assert seqvae("fit-prior", run, "--components", 3).code == 0
    assert seqvae("sample", run, "-n", 2, "--prior", "ex_post").code == 0


def test_a_posterior_on_the_sphere_is_trained_by_changing_two_words(
    seqvae: Run, refused: Run, recipe: Path, tmp_path: Path
) -> None:
    on_sphere = ("model.posterior.kind=von_mises_fisher", "training.steps=3")
    said = refused("train", recipe, f"out={tmp_path / 'mismatched'}", *on_sphere)
    assert "lives on the unit sphere" in said
    assert "choose model.prior among: uniform_sphere" in said
    assert not (tmp_path / "mismatched").exists()
    result = seqvae("train", recipe, f"out={tmp_path / 'sphere'}", *on_sphere, "model.prior.kind=uniform_sphere")
    assert result.code == 0, result.err
