"""Every test of molecules has a cache of its own, and sees real data only where it asks for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REAL_DATA = os.environ.get("SEQVAE_DATA")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SEQVAE_CACHE", str(folder))
    return folder


@pytest.fixture
def real_data() -> Path:
    if not REAL_DATA:
        pytest.skip("SEQVAE_DATA is unset, so there is no real data to run on")
    return Path(REAL_DATA)
