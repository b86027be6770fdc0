from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def drawing() -> Callable[..., np.ndarray]:
    """`drawing(points, seed=0)`: a random stroke-3 record whose last point is lifted."""

    def make(points: int = 12, seed: int = 0, scale: float = 20.0) -> np.ndarray:
        chance = np.random.default_rng(seed)
        offsets = chance.normal(scale=scale, size=(points, 2))
        lifts = (chance.random(points) < 0.2) | (np.arange(points) == points - 1)
        return np.column_stack([offsets, lifts]).astype(np.float32)

    return make


@pytest.fixture
def real_data() -> Path:
    if not os.environ.get("SEQVAE_DATA"):
        pytest.skip("SEQVAE_DATA is unset, so there is no real data to run on")
    return Path(os.environ["SEQVAE_DATA"])
