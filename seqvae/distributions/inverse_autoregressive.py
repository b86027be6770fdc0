"""A diagonal Gaussian pushed through an inverse autoregressive flow (Kingma et al. 2016, arXiv 1606.04934).

The density of its own last sample is kept from the drawing, where it costs nothing; anywhere else the flow is inverted exactly.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints
from torch.distributions.constraints import Constraint
from torch.types import _size  # what torch calls its shapes


class Flow(Protocol):
    """An invertible map of vectors `[...,K]`, told a context `[...,C]`."""

    def __call__(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """The image and the log determinant of the Jacobian, `[...]`."""

    def inverse(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """What is mapped to z, and the log determinant of the Jacobian of the map there."""


class InverseAutoregressive(Distribution):
    """q(z) with z = flow(z_0), z_0 ~ a diagonal Gaussian.

    Args:
        base: the Gaussian, batch `[B]`, event `[K]`.
        flow: the map.
        context: `[B,C]`, what the flow is told of each row.
    """

    arg_constraints: dict[str, Constraint] = {}  # noqa: RUF012  # torch's interface
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, base: Independent, flow: Flow, context: Tensor) -> None:
        self.base, self.flow, self.context = base, flow, context
        self._last: tuple[Tensor, Tensor] | None = None
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The image of the Gaussian's mean: a location that stands for the mean, which has no closed form."""
        return self.flow(self.base.mean, self.context)[0]

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """Samples `[*sample_shape,B,K]`, in one parallel pass."""
        start = self.base.rsample(torch.Size(sample_shape))
        z, determinant = self.flow(start, self.context)
        self._last = (z, self.base.log_prob(start) - determinant)
        return z

    def log_prob(self, value: Tensor) -> Tensor:
        """Nats, exact at any point: kept for the last sample that was drawn, by inversion (K steps) for others."""
        if self._last is not None and value is self._last[0]:
            return self._last[1]
        start, determinant = self.flow.inverse(value, self.context)
        return self.base.log_prob(start) - determinant
