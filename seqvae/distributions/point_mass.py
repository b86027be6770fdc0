"""All mass on one point: the posterior of an autoencoder without noise.

It has no density, so importance weights, the ELBO and mutual information do not exist for it. Its divergence from any density is
infinite; **by convention the rate is 0**, so that every objective of the family turns into that of the plain autoencoder
(distortion, and whatever divergence is added) instead of refusing.
"""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.distributions.constraints import Constraint
from torch.types import _size  # what torch calls its shapes

from seqvae.errors import ConfigError


class PointMass(Distribution):
    """The points `loc [B,*event]`, without noise.

    Args:
        loc: the points.
        event_dims: how many trailing dimensions are the event's.
    """

    arg_constraints: dict[str, Constraint] = {}  # noqa: RUF012  # torch's interface
    has_rsample = True
    has_density = False

    def __init__(self, loc: Tensor, event_dims: int = 1) -> None:
        self.loc, self.event_dims = loc, event_dims
        super().__init__(loc.shape[: loc.dim() - event_dims], loc.shape[loc.dim() - event_dims :], validate_args=False)

    @constraints.dependent_property
    def support(self) -> Constraint:
        """Real numbers, before anything is known of the point."""
        return constraints.independent(constraints.real, self.event_dims)

    @property
    def mean(self) -> Tensor:
        """The point."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """The point."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.loc)

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """The point, again and again."""
        return self.loc.expand(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> NoReturn:
        """There is none.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "a deterministic posterior has no density, so log p(x) cannot be bounded by it; "
            "choose another posterior (model.posterior=diagonal), or an objective without importance weights"
        )


def has_density(distribution: Distribution) -> bool:
    """Whether `log_prob` means anything: true of all but a `PointMass`."""
    return getattr(distribution, "has_density", True)


def _no_rate(q: PointMass, _: Distribution) -> Tensor:
    """0 by convention, `[B]`; see above."""
    return q.loc.new_zeros(q.batch_shape)


register_kl(PointMass, Distribution)(_no_rate)
