"""Distributions on the sphere that are symmetric around a direction: the angle to it has a density, all else is even.

    q(z) = f(mu.z),    z = w mu + sqrt(1 - w^2) v,    v uniform among the unit vectors across mu,    E[z] = E[w] mu

A member of the family says what its cosine w is: its density, its mean, how it is drawn. Densities and draws are float64 inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.types import _size  # what torch calls its shapes

from seqvae.distributions.sphere import SphericalUniform, away_from, log_area, unit_sphere


class AroundDirection(Distribution, ABC):
    """A direction and a concentration, on the unit sphere in d >= 2 dimensions.

    Args:
        loc: mu, unit vectors `[B,d]`.
        concentration: k > 0, `[B]`.
    """

    arg_constraints = {"loc": unit_sphere, "concentration": constraints.positive}  # noqa: RUF012  # torch's interface
    support = unit_sphere
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = loc, concentration
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=validate_args)

    @property
    def dimension(self) -> int:
        """d; the sphere itself has d - 1."""
        return self.event_shape[0]

    @property
    def mean(self) -> Tensor:
        """E[w] mu: inside the sphere, the nearer to its centre the less concentrated."""
        return self.mean_cosine().to(self.loc.dtype).unsqueeze(-1) * self.loc

    @property
    def mode(self) -> Tensor:
        """mu, on the sphere."""
        return self.loc

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """Samples `[*sample_shape,B,d]` with gradients to both parameters."""
        cosine, sine = self.angle(sample_shape)
        return away_from(self.loc.double(), cosine, sine).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Nats against the surface measure of the sphere."""
        cosine = (self.loc.double() * value.double()).sum(-1)
        return self.log_density(cosine).to(self.loc.dtype)

    def cross_log_prob(self, value: Tensor) -> Tensor:
        """log q_j(z_r), `[R,B]` float64 nats, of every point `[R,d]` under every member of a batch `[B]`: one matrix product."""
        return self.log_density(value.double() @ self.loc.double().t())

    def divergence_from_uniform(self) -> Tensor:
        """KL(q || uniform) `[B]`, nats."""
        return log_area(self.dimension) - self.entropy()

    @abstractmethod
    def mean_cosine(self) -> Tensor:
        """E[w], `[B]`."""

    @abstractmethod
    def angle(self, sample_shape: _size) -> tuple[Tensor, Tensor]:
        """Cosines w and their sines `[*sample_shape,B]`, drawn with gradients to the concentration."""

    @abstractmethod
    def log_density(self, cosine: Tensor) -> Tensor:
        """log f(w), nats, for cosines `[...,B]`."""


def _divergence(q: AroundDirection, _: SphericalUniform) -> Tensor:
    return q.divergence_from_uniform()


register_kl(AroundDirection, SphericalUniform)(_divergence)
