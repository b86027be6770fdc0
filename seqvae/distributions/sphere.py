"""The unit sphere S^(d-1) in d dimensions: a support, the uniform distribution on it, and how to leave a pole.

|S^(d-1)| = 2 pi^(d/2) / Gamma(d/2)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint
from torch.nn import functional
from torch.types import _size  # what torch calls its shapes


class UnitSphere(Constraint):
    """Vectors `[...,d]` of length one, to the precision of float32."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each vector has length one, `[...]` bool."""
        return (value.norm(dim=-1) - 1).abs() < 1e-4

    def project(self, value: Tensor) -> Tensor:
        """The nearest point of the sphere to each vector; to the zero vector, which has none, the first axis."""
        axis = torch.zeros_like(value)
        axis[..., 0] = 1.0
        longest = value.abs().amax(dim=-1, keepdim=True)  # scaled by it first, so that no square under- or overflows
        return functional.normalize(torch.where(longest > 0, value / longest, axis), dim=-1)

    def within(self, value: Tensor, centre: Tensor, radius: float) -> Tensor:
        """The nearest points of the sphere to vectors `[...,d]` that lie in a cap: no further than `radius` from points `centre` of
        the sphere, as the crow flies. A vector opposite the centre, to which the whole rim is as near, is taken to the centre."""
        value, half = self.project(value), min(radius, 2.0) / 2
        across = functional.normalize(value - (value * centre).sum(-1, keepdim=True) * centre, dim=-1)
        rim = (1 - 2 * half**2) * centre + 2 * half * math.sqrt(1 - half**2) * across  # at the angle 2 asin(radius / 2)
        near = (value - centre).norm(dim=-1, keepdim=True) <= radius
        return torch.where(near, value, self.project(rim))


unit_sphere = UnitSphere()


def log_area(dimension: int) -> float:
    """log |S^(d-1)|, the logarithm of the surface of the unit sphere in `dimension` dimensions."""
    return math.log(2) + 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension)


class SphericalUniform(Distribution):
    """The uniform distribution on the unit sphere.

    Args:
        zero: `[d]` zeros; carries dimension, dtype and device.
    """

    arg_constraints: dict[str, Constraint] = {}  # noqa: RUF012  # torch's interface
    support = unit_sphere
    has_rsample = True

    def __init__(self, zero: Tensor, validate_args: bool | None = None) -> None:
        self.zero = zero
        super().__init__(torch.Size(), zero.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> SphericalUniform:
        """Torch's `expand`: the uniform distribution is its own copy, whatever the batch."""
        made = SphericalUniform.__new__(SphericalUniform)
        made.zero = self.zero
        Distribution.__init__(made, torch.Size(batch_shape), self.event_shape, validate_args=False)
        return made

    @property
    def mean(self) -> Tensor:
        """Zero, which is not on the sphere."""
        return self.zero.expand(self._extended_shape())

    @property
    def variance(self) -> Tensor:
        """1/d in every coordinate."""
        return torch.full_like(self.mean, 1 / self.event_shape[0])

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """Gaussian directions (Muller 1959)."""
        return unit_sphere.project(torch.randn(self._extended_shape(sample_shape), dtype=self.zero.dtype, device=self.zero.device))

    def log_prob(self, value: Tensor) -> Tensor:
        """-log |S^(d-1)| everywhere, nats, against the surface measure."""
        return value.new_full(torch.broadcast_shapes(value.shape[:-1], self.batch_shape), -log_area(self.event_shape[0]))

    def entropy(self) -> Tensor:
        """log |S^(d-1)|, nats."""
        return self.zero.new_full(self.batch_shape, log_area(self.event_shape[0]))


def away_from(pole: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Points at an angle from a pole, in uniformly random tangent directions: `cosine * pole + sine * tangent`, `[S,B,d]`.

    The noise does not depend on the pole, so the result is a reparameterised sample of it.

    Args:
        pole: `[B,d]` unit vectors.
        cosine, sine: `[S,B]` of the angle.
    """
    noise = torch.randn(*cosine.shape, pole.shape[-1], dtype=pole.dtype, device=pole.device)
    tangent = functional.normalize(noise - (noise * pole).sum(-1, keepdim=True) * pole, dim=-1)
    return cosine.unsqueeze(-1) * pole + sine.unsqueeze(-1) * tangent
