"""How a classifier is built and fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, PositiveFloat, PositiveInt

from seqvae import schema
from seqvae.assignments import assign
from seqvae.errors import ConfigError
from seqvae.registry import Part

Share = Annotated[float, Field(ge=0, lt=1)]
GRU = {"kind": "rnn", "cell": "gru", "embedding": 64, "hidden": 128, "bidirectional": True, "pooling": "max"}


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings:
    """The defaults learn two thousand drawings in a minute of one core.

    Attributes:
        encoder: a bidirectional GRU, or any other encoder.
        epochs: passes over the training records.
        batch_tokens: steps in a batch, padding counted.
        lr: AdamW's learning rate at its highest, after a twentieth of the steps; it then falls to zero along a cosine.
        weight_decay: AdamW's.
        dropout: on the encoder's features.
        smoothing: the share of a label's weight that all classes divide; a classifier without is sure of everything.
        augmentation: what is done to training records at random, or None.
    """

    encoder: Annotated[dict[str, Any], Part("encoder")]
    epochs: PositiveInt = 40
    batch_tokens: PositiveInt = 2048
    lr: PositiveFloat = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    dropout: Share = 0.3
    smoothing: Share = 0.1
    augmentation: Annotated[dict[str, Any] | None, Part("augmentation")] = None

    def to_config(self) -> dict[str, Any]:
        """The plain mapping that `check` takes."""
        config: dict[str, Any] = schema.plain(self)
        return config


def check(config: Mapping[str, Any]) -> ClassifierSettings:
    """The settings that a mapping describes.

    Raises:
        ConfigError: with every problem found.
    """
    problems: list[str] = []
    checked = schema.check_fields(ClassifierSettings, config, "", problems)
    if problems:
        raise ConfigError(problems)
    settings: ClassifierSettings = schema.build_settings(ClassifierSettings, checked)
    return settings


def load(assignments: Sequence[str] = (), augmentation: Mapping[str, Any] | None = None) -> ClassifierSettings:
    """The defaults with `key=value` changes.

    Raises:
        ConfigError: as `check`, or an assignment that is none.
    """
    return check(assign(ClassifierSettings, {"encoder": GRU, "augmentation": augmentation}, assignments))
