"""The budget protocol: what counts as found, and what each method knew beforehand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.optimise import budget, table
from seqvae.explore.starts import Starts


class Store(list[Any]):
    """Three molecules, of which one has no value."""

    property_names = ["weight", budget.PROPERTY]  # noqa: RUF012  # read only
    properties = np.array([[1.0, 4.5], [2.0, np.nan], [3.0, 4.0]], np.float32)


@pytest.fixture
def vae(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trained on C, CC and CCC; a climb finds CC, CCCC twice, CCCCC, and something that was not judged."""
    found = SimpleNamespace(
        candidates=SimpleNamespace(records=["CC", "CCCC", "CCCCC", "CCCC", "O"]),
        values=np.array([[9.0], [3.0], [5.0], [3.0], [np.nan]]),
    )
    best = Starts(torch.zeros(2, 1), ["C", "CCC"], np.array([[4.5], [4.0]]))
    monkeypatch.setattr(budget, "STARTS", 1)
    monkeypatch.setattr(budget, "find_split", lambda vae, split: Store([["C"], ["CC"], ["CCC"]]))
    monkeypatch.setattr(budget, "best_of", lambda *_: best)
    monkeypatch.setattr(budget, "LatentOptimizer", lambda *_, **__: SimpleNamespace(goal=None))
    monkeypatch.setattr(budget, "in_rounds", lambda *_: [found])
    monkeypatch.setattr(budget, "bayesian", lambda *_: [])
    modality = SimpleNamespace(property_function=lambda name: None)
    return _Held(modality=modality, codec=SimpleNamespace(decode=lambda sequences: [s[0] for s in sequences]))


class _Held(SimpleNamespace):
    __hash__ = object.__hash__


def test_no_training_molecule_is_a_discovery(vae: Any) -> None:
    """CC, the best that was found, is no start but was trained on."""
    result = budget.measure(vae, budget.Plan("climb", 250, seeds=2))
    assert [run["best"] for run in result["runs"]] == [[("CCCCC", 5.0), ("CCCC", 3.0)]] * 2
    assert result["best_known"] == 4.5


def test_each_method_says_how_many_labels_it_began_with(vae: Any) -> None:
    climb, process = (budget.measure(vae, budget.Plan(method, 250, 1)) for method in ("climb", "trust_region"))
    assert (climb["labels"], process["labels"]) == (2, 1)
    cells = [cell.strip() for cell in table.line(climb).split("|")]
    assert cells[1:5] == ["250", "climb", "2", "1"]
    assert len(cells) == len(table.BUDGET.strip().splitlines()[-1].split("|"))
