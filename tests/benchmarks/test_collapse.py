"""The cure table: every row is a recipe that builds, and the page keeps its text while its tables change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.collapse import table
from benchmarks.collapse.rows import DATA, ROWS, row_recipe
from seqvae import registry
from seqvae.model import build_model
from seqvae.steps import StepSpec

METRICS: dict[str, Any] = {
    **{"nll_nats": 45.0, "nll_stderr_nats": 0.01, "elbo_nats": -46.5, "rate_nats": 8.0, "mi_nats": 6.0, "mi_bound_nats": 6.9},
    **{"active_units": 32, "latent_dim": 32, "bleu": 3.0},
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("row", ROWS)
def test_every_row_builds_and_changes_only_what_it_names(row: str, data: str) -> None:
    recipe, plain = row_recipe(row, data), row_recipe("none", data)
    assert recipe.data == plain.data
    assert recipe.training.steps == plain.training.steps
    assert (recipe == plain) == (row == "none")
    model = build_model(StepSpec(50), recipe.to_config()["model"])
    objective = registry.build("objective", recipe.objective, steps=StepSpec(50), event_shape=model.event_shape)
    assert registry.build("plan", recipe.plan).parameters(model, objective)


def test_rows_are_shares_of_the_training() -> None:
    recipe = row_recipe("autoencoder_then_free_bits")
    steps = recipe.training.steps
    assert steps is not None
    assert recipe.plan["phases"][0]["steps"] == recipe.objective["beta"]["delay"] == steps // 3


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with text around one empty table, and an empty folder of results."""
    path, folder = tmp_path / "collapse.md", tmp_path / "collapse"
    folder.mkdir()
    path.write_text("before\n<!-- table yelp_short -->\nold\n<!-- end of table -->\nafter\n")
    monkeypatch.setattr(table, "PAGE", path)
    monkeypatch.setattr(table, "FOLDER", folder)
    return path


def test_the_page_keeps_its_text_and_averages_over_seeds(page: Path) -> None:
    for seed, nll in ((0, 45.0), (1, 46.0)):
        result = {"metrics": {**METRICS, "nll_nats": nll}, "made": {"step": 400 * (seed + 1)}, "seconds_per_epoch": 40.0}
        table.result_path("free_bits", "yelp_short", seed).write_text(json.dumps(result))
    table.costs_path("yelp_short").write_text(json.dumps({"free_bits": [1.0, 1.02, 1.1], "iwae": [2.0, 2.5, 3.0]}))
    for _ in range(2):  # the second time over its own table
        table.write_page()
    lines = page.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    rows = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines if line.startswith("| ")}
    assert rows["free_bits"] == [
        "45.50 ± 0.01",
        "46.50",
        "8.00",
        "6.00 of at most 6.9",
        "32 of 32",
        "3.0",
        "400, 800",
        "40",
        "1.02",
        "2",
    ]
    assert rows["iwae"][0] == "not run"
    assert rows["iwae"][-2:] == ["2.50", "0"]
    assert {len(cells) for cells in rows.values()} == {10}
    assert "mmd" not in rows


def test_what_does_not_apply_is_a_dash(page: Path) -> None:
    known = {name: value for name, value in METRICS.items() if not name.startswith(("nll", "mi", "elbo"))}
    table.result_path("mmd", "yelp_short", 0).write_text(
        json.dumps({"metrics": known, "made": {"step": 800}, "seconds_per_epoch": 1.0})
    )
    table.write_page()
    line = next(line for line in page.read_text().splitlines() if line.startswith("| mmd"))
    assert line.split("|")[2].strip() == line.split("|")[3].strip() == "-"
