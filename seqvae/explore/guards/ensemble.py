"""The ensemble's variance: climb a lower confidence bound, mean - weight * spread, not a mean that nobody agrees on.

Deep ensembles disagree away from their data (Lakshminarayanan et al. 2017, arXiv 1612.01474), where an unchecked climb ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveFloat
from torch import Tensor

from seqvae.errors import ConfigError
from seqvae.explore.guards.guard import Guard
from seqvae.registry import register

if TYPE_CHECKING:
    from seqvae.explore.goal import Goal
    from seqvae.explore.starts import Starts
    from seqvae.vae import SeqVAE


@register("guard", "ensemble")
class EnsembleSpread(Guard):
    """Takes `weight` standard deviations between the heads' members off the score.

    Args:
        weight: 1 is cautious, 0.1 hardly matters.
    """

    def __init__(self, *, weight: PositiveFloat = 1.0) -> None:
        self.weight = weight

    def begin(self, vae: SeqVAE, goal: Goal, starts: Starts) -> None:
        if all(len(head(starts.z[:1])) == 1 for head in goal.heads.values()):
            raise ConfigError("guard 'ensemble' needs heads with several members; fit them with ensemble=5")
        self.spread = goal.spread

    def penalty(self, z: Tensor) -> Tensor:
        return self.weight * self.spread(z)
