"""No condition: the decoder reads the latent alone, p(x|z)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.conditions.labels import UNKNOWN, Labels, one_each
from seqvae.errors import ConfigError
from seqvae.registry import register


@register("condition", "none")
class NoCondition(nn.Module):
    """Says nothing, whatever the labels."""

    names: tuple[str, ...] = ()
    latent_width = feature_width = 0

    @staticmethod
    def learnt(config: dict[str, Any], classes: Sequence[str]) -> dict[str, Any]:
        """The configuration as it is."""
        return config

    def forward(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch as it is."""
        return batch

    def tell(self, z: Tensor, labels: Tensor | None, rank: int) -> Tensor:
        """The latents as they are."""
        return z

    def inform(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """The features as they are."""
        return features

    def labels(self, given: Labels, count: int) -> None:
        """None, where nothing is known of any record.

        Raises:
            ConfigError: a class.
        """
        known = [label for label in one_each(given, count) if label not in (None, UNKNOWN)]
        if known:
            raise ConfigError(
                f"label={known[0]!r:.60}: this model knows no classes; "
                "train one with model.condition=classes on data that has labels"
            )
