"""No condition: the decoder reads the latent alone, p(x|z)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from seqvae.batch import SequenceBatch
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

    def labels(self, given: object, count: int) -> None:
        """None for None.

        Raises:
            ConfigError: anything else.
        """
        if given is not None:
            raise ConfigError(
                f"label={given!r:.60}: this model knows no classes; train one with model.condition=classes on data that has labels"
            )
