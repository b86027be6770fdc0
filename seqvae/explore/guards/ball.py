"""The trust ball: no further from the start than a given distance, where a local head can still be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveFloat
from torch import Tensor

from seqvae.explore.guards.guard import Guard, norms, scaled
from seqvae.registry import register

if TYPE_CHECKING:
    from seqvae.explore.goal import Goal
    from seqvae.vae import SeqVAE


@register("guard", "ball")
class TrustBall(Guard):
    """Projects onto |z - start| <= radius.

    Args:
        radius: in the latent's own units; the prior's standard deviation is 1 a dimension.
    """

    def __init__(self, *, radius: PositiveFloat = 2.0) -> None:
        self.radius = radius

    def begin(self, vae: SeqVAE, goal: Goal, start: Tensor) -> None:
        self.start = start

    def project(self, z: Tensor) -> Tensor:
        away = z - self.start
        lengths = norms(away).clamp(min=self.radius)  # inside the ball the factor is 1
        return self.start + scaled(away, self.radius / lengths)
