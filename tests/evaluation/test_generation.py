"""Generated records, judged by a modality that knows one rule: a valid sentence has at most three words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from seqvae.evaluation.generation import generation_metrics, prior_validity, sampled_reconstruction
from seqvae.modalities.text.modality import TextModality
from seqvae.recipe import GenerationSettings

FEW = GenerationSettings(samples=7, latents=5, decodes=4, records=3, encodes=2, redecodes=6)


class Judging(TextModality):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def valid(self, records: Sequence[str]) -> np.ndarray:
        self.asked.setdefault("valid", []).extend(records)
        return np.array([len(record.split()) <= 3 for record in records])

    def same(self, references: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
        self.asked.setdefault("same", []).extend(zip(references, hypotheses, strict=True))
        return np.array([one == other for one, other in zip(references, hypotheses, strict=True)])

    def generation_metrics(
        self, samples: Sequence[str], references: Sequence[str], training: Sequence[str] | None, seed: int
    ) -> dict[str, Any]:
        self.asked["metrics"] = (samples, references, training, seed)
        return {"validity": float(self.valid(samples).mean())}


@pytest.fixture
def judged(held):
    held.modality = Judging()
    return held


def test_a_modality_that_cannot_judge_is_not_asked(held, store) -> None:
    assert generation_metrics(held, store, np.arange(3), None, FEW) == {}


def test_each_protocol_generates_what_it_says(judged, store) -> None:
    rows = np.arange(5)
    found = generation_metrics(judged, store, rows, store, FEW, seed=5)
    assert set(found) == {"validity", "prior_validity", "reconstruction_sampled"}
    samples, references, training, seed = judged.modality.asked["metrics"]
    records = judged.codec.decode([store[i] for i in range(len(store))])
    assert len(samples) == 7
    assert references == records[:5]
    assert training == records
    assert seed == 5
    valid = judged.modality.asked["valid"][7:]
    assert len(valid) == 5 * 4
    assert found["prior_validity"] == pytest.approx(np.mean([len(r.split()) <= 3 for r in valid]))
    pairs = judged.modality.asked["same"]
    assert [one for one, _ in pairs] == [record for record in records[:3] for _ in range(12)]
    assert found["reconstruction_sampled"] == pytest.approx(np.mean([one == other for one, other in pairs]))


def test_the_same_seed_gives_the_same_and_leaves_torch_alone(judged, store) -> None:
    state = torch.random.get_rng_state()
    first, again = (generation_metrics(judged, store, np.arange(4), None, FEW, seed=3) for _ in range(2))
    assert first == again
    assert torch.equal(state, torch.random.get_rng_state())


def test_blocks_do_not_matter_to_the_count(judged, store, monkeypatch) -> None:
    monkeypatch.setattr("seqvae.evaluation.generation.BLOCK", 5)
    prior_validity(judged, FEW)
    assert len(judged.modality.asked["valid"]) == 20
    sampled_reconstruction(judged, store, np.arange(3), FEW)
    assert len(judged.modality.asked["same"]) == 36
