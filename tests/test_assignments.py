"""Assignments to the mapping of a settings class other than a recipe; what they mean in a recipe is tested there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from seqvae.assignments import assign
from seqvae.errors import ConfigError
from seqvae.registry import Part


@dataclass(frozen=True, kw_only=True)
class Source:
    MAIN_KEY = "place"
    place: str
    limit: int = 3


@dataclass(frozen=True, kw_only=True)
class Settings:
    source: Source
    network: Annotated[dict[str, Any], Part("encoder")]
    count: int = 1


CONFIG = {"source": {"place": "here", "limit": 4}, "network": {"kind": "rnn", "cell": "gru", "hidden": 8}, "count": 2}


@pytest.mark.parametrize(
    ("assignments", "changed"),
    [
        (["count=5"], {"count": 5}),
        (["source=there"], {"source": {"place": "there", "limit": 4}}),
        (["network.hidden=16"], {"network": {"kind": "rnn", "cell": "gru", "hidden": 16}}),
        (["network=transformer"], {"network": {"kind": "transformer", "hidden": 8}}),
        (["network.layers=2", "network=transformer"], {"network": {"kind": "transformer", "hidden": 8, "layers": 2}}),
        (["encoder=transformer"], {"encoder": "transformer"}),  # means something in a recipe only
    ],
)
def test_keys_mean_what_the_class_says(assignments, changed):
    assert assign(Settings, CONFIG, assignments) == {**CONFIG, **changed}


def test_what_is_no_assignment():
    with pytest.raises(ConfigError, match="expected key=value, got 'count'"):
        assign(Settings, CONFIG, ["count"])
