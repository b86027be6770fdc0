"""The trust ball: no further from the start than a given distance, where a local head can still be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import PositiveFloat
from torch import Tensor

from seqvae.distributions import support
from seqvae.explore.guards.guard import Guard
from seqvae.registry import register

if TYPE_CHECKING:
    from seqvae.explore.goal import Goal
    from seqvae.explore.starts import Starts
    from seqvae.vae import SeqVAE


@register("guard", "ball")
class TrustBall(Guard):
    """Projects onto |z - start| <= radius; on a sphere, onto the cap of it that lies in the ball.

    Args:
        radius: in the latent's own units; a Gaussian prior's standard deviation is 1 a dimension, and no two points of the unit
            sphere are more than 2 apart.
    """

    def __init__(self, *, radius: PositiveFloat = 2.0) -> None:
        self.radius = radius
        self.posterior: Any = None  # whose support is kept to; of nothing it is the real numbers

    def begin(self, vae: SeqVAE, goal: Goal, starts: Starts) -> None:
        self.start, self.posterior = starts.z, vae.model.posterior

    def project(self, z: Tensor) -> Tensor:
        return support.within(self.posterior, z, self.start, self.radius)
