"""Power spherical: a direction and a concentration without Bessel functions (De Cao & Aziz 2020, arXiv 2006.04437).

    q(z) proportional to (1 + mu.z)^k,    mu.z = 2t - 1 with t ~ Beta(a, b),    a = (d-1)/2 + k,  b = (d-1)/2
    E[z] = (a-b)/(a+b) mu,    H = log N - k (log 2 + psi(a) - psi(a+b)),    log N = (a+b) log 2 + b log pi + lgamma(a) - lgamma(a+b)

Every sample takes one draw of a Beta, whose gradient torch knows; no rejections of ours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Beta, Distribution, constraints, register_kl
from torch.types import _size  # what torch calls its shapes

from seqvae.distributions.sphere import SphericalUniform, away_from, log_area, unit_sphere


class PowerSpherical(Distribution):
    """A direction and a concentration, on the unit sphere in d >= 2 dimensions.

    Args:
        loc: unit vectors `[B,d]`.
        concentration: k > 0, `[B]`. At the same k it is about half as concentrated as von Mises-Fisher.
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
        """(a-b)/(a+b) mu, inside the sphere."""
        a, b = self._shape()
        return ((a - b) / (a + b)).to(self.loc.dtype).unsqueeze(-1) * self.loc

    @property
    def mode(self) -> Tensor:
        """mu, on the sphere."""
        return self.loc

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """Samples `[*sample_shape,B,d]` with gradients to both parameters."""
        a, b = self._shape()
        t = Beta(a, b, validate_args=False).rsample(torch.Size(sample_shape))
        # the sine is 2 sqrt(t (1-t)); the floor keeps its gradient finite on the pole itself
        sine = 2 * torch.sqrt((t * (1 - t)).clamp(min=torch.finfo(t.dtype).tiny))
        return away_from(self.loc.double(), 2 * t - 1, sine).to(self.loc.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Nats against the surface measure of the sphere."""
        cosine = (self.loc.double() * value.double()).sum(-1)
        return self._log_density(cosine).to(self.loc.dtype)

    def cross_log_prob(self, value: Tensor) -> Tensor:
        """log q_j(z_r), `[R,B]` float64 nats, of every point `[R,d]` under every member of a batch `[B]`: one matrix product."""
        return self._log_density(value.double() @ self.loc.double().t())

    def entropy(self) -> Tensor:
        """Nats, `[B]`."""
        a, b = self._shape()
        kappa = self.concentration.double()
        entropy = self._log_normaliser() - kappa * (math.log(2) + torch.digamma(a) - torch.digamma(a + b))
        return entropy.to(self.concentration.dtype)

    def _shape(self) -> tuple[Tensor, Tensor]:
        """a and b of the Beta, float64."""
        b = torch.full_like(self.concentration, (self.dimension - 1) / 2, dtype=torch.float64)
        return b + self.concentration.double(), b

    def _log_normaliser(self) -> Tensor:
        a, b = self._shape()
        return (a + b) * math.log(2) + b * math.log(math.pi) + torch.lgamma(a) - torch.lgamma(a + b)

    def _log_density(self, cosine: Tensor) -> Tensor:
        # rounding may put a cosine below -1, where the density is zero
        near = cosine.clamp(min=-1 + torch.finfo(torch.float64).eps)
        return self.concentration.double() * torch.log1p(near) - self._log_normaliser()


def _divergence(q: PowerSpherical, _: SphericalUniform) -> Tensor:
    return log_area(q.dimension) - q.entropy()


register_kl(PowerSpherical, SphericalUniform)(_divergence)
