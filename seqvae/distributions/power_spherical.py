"""Power spherical: a direction and a concentration without Bessel functions (De Cao & Aziz 2020, arXiv 2006.04437).

    q(z) proportional to (1 + mu.z)^k,    mu.z = 2t - 1 with t ~ Beta(a, b),    a = (d-1)/2 + k,  b = (d-1)/2
    E[z] = (a-b)/(a+b) mu,    H = log N - k (log 2 + psi(a) - psi(a+b)),    log N = (a+b) log 2 + b log pi + lgamma(a) - lgamma(a+b)

Every sample takes one draw of a Beta, whose gradient torch knows; no rejections of ours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Beta
from torch.types import _size  # what torch calls its shapes

from seqvae.distributions.around_direction import AroundDirection


class PowerSpherical(AroundDirection):
    """A direction `loc [B,d]` and a concentration k > 0 `[B]`; at the same k about half as concentrated as von Mises-Fisher."""

    def mean_cosine(self) -> Tensor:
        """(a-b)/(a+b), `[B]`."""
        a, b = self._shape()
        return (a - b) / (a + b)

    def angle(self, sample_shape: _size) -> tuple[Tensor, Tensor]:
        """Cosines 2t - 1 and their sines `[*sample_shape,B]`."""
        t = Beta(*self._shape(), validate_args=False).rsample(torch.Size(sample_shape))
        # the sine is 2 sqrt(t (1-t)); the floor keeps its gradient finite on the pole itself
        return 2 * t - 1, 2 * torch.sqrt((t * (1 - t)).clamp(min=torch.finfo(t.dtype).tiny))

    def log_density(self, cosine: Tensor) -> Tensor:
        """k log(1 + w) - log N, nats."""
        # rounding may put a cosine below -1, where the density is zero
        near = cosine.clamp(min=-1 + torch.finfo(torch.float64).eps)
        return self.concentration.double() * torch.log1p(near) - self._log_normaliser()

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
