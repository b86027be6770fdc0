"""Posteriors on the unit sphere: a direction from the features, and a concentration that is fixed or learnt.

With a fixed concentration the rate against `uniform_sphere` is the same number for every x: it has no gradient, needs no annealing,
and cannot collapse (Xu & Durrett 2018, arXiv 1808.10805). Whether it buys information is for mutual information to say.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional

from seqvae.distributions.around_direction import AroundDirection
from seqvae.distributions.power_spherical import PowerSpherical
from seqvae.distributions.sphere import unit_sphere
from seqvae.distributions.von_mises_fisher import VonMisesFisher
from seqvae.posteriors.precision import at_least_float32
from seqvae.registry import register

LARGEST = 1e6  # of a fixed concentration: beyond it float32 latents cannot tell the posterior from a point
LEARNT = (1e-2, 1e4)  # the range of a learnt one
Latent = Annotated[int, Field(ge=2)]
Concentration = Annotated[float, Field(gt=0, le=LARGEST)] | Literal["learned"]


class DirectionAndConcentration(nn.Module):
    """Features `[B,H]` to unit vectors `[B,d]` and concentrations `[B]`.

    Args:
        width: feature width H.
        latent: d.
        kappa: the concentration, or `learned`.
    """

    def __init__(self, width: int, latent: int, kappa: float | Literal["learned"]) -> None:
        super().__init__()
        self.direction = nn.Linear(width, latent)
        self.fixed = 0.0 if kappa == "learned" else kappa
        self.concentration = nn.Linear(width, 1) if kappa == "learned" else None

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The direction and the concentration, in float32 whatever the precision of the features."""
        direction = unit_sphere.project(at_least_float32(self.direction(features)))
        if self.concentration is None:
            return direction, torch.full_like(direction[:, 0], self.fixed)
        raw = at_least_float32(self.concentration(features)).squeeze(-1)
        scale = direction.shape[-1]  # the divergence is of the order of one nat where kappa is of the order of d
        return direction, (scale * functional.softplus(raw)).clamp(*LEARNT)


class SphericalPosterior(nn.Module):
    """A distribution around a direction; a prior on the sphere goes with it (`uniform_sphere`)."""

    support = unit_sphere
    family: type[AroundDirection]

    def __init__(self, width: int, latent: int, kappa: float | Literal["learned"]) -> None:
        super().__init__()
        self.width = width
        self.event_shape = torch.Size([latent])
        self.parameters_of = DirectionAndConcentration(width, latent, kappa)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x): batch `[B]`, event `[d]`, on the unit sphere."""
        direction, concentration = self.parameters_of(features)
        return self.family(direction, concentration, validate_args=False)


@register("posterior", "von_mises_fisher")
class VonMisesFisherPosterior(SphericalPosterior):
    """Von Mises-Fisher.

    Args:
        width: feature width H.
        latent: dimensions d of the space that holds the sphere.
        kappa: the concentration, or `learned`, one for each x. At d = 32, kappa 22.5 is 5 nats of rate and 40.4 is 10.
    """

    family = VonMisesFisher

    def __init__(self, width: int, *, latent: Latent = 32, kappa: Concentration = 40.0) -> None:
        super().__init__(width, latent, kappa)


@register("posterior", "power_spherical")
class PowerSphericalPosterior(SphericalPosterior):
    """Power spherical: von Mises-Fisher's likeness without Bessel functions.

    Args:
        width: feature width H.
        latent: dimensions d of the space that holds the sphere.
        kappa: the concentration, or `learned`, one for each x. At d = 32, kappa 50 is 7.6 nats of rate and 100 is 13.8.
    """

    family = PowerSpherical

    def __init__(self, width: int, *, latent: Latent = 32, kappa: Concentration = 60.0) -> None:
        super().__init__(width, latent, kappa)
