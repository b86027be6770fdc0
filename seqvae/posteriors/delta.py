"""Committed-rate posterior for a single latent vector, after delta-VAE (Razavi et al. 2019, arXiv 1901.03416; the variant for one
vector by Zhu et al. 2020, arXiv 2004.12585).

Against N(0, I) every dimension costs at least delta nats, because its Gaussian is kept away from the standard one:

    KL = (mu^2 + s^2 - ln s^2 - 1) / 2
    s in [l, u], the roots of  ln s^2 - s^2 + 2 delta + 1 = 0
    mu = sign(m) sqrt(2 delta + 1 + ln s^2 - s^2 + m^2)        so that    KL = delta + m^2 / 2

Two changes to the published code: the mean takes the **sign** of m (there it is never negative, which loses half of the space), and
m^2 stands for relu(m), which reaches the same means from either side. mu jumps where m changes sign, except at s = l and s = u.
"""

from __future__ import annotations

import math

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from seqvae.posteriors.precision import at_least_float32
from seqvae.registry import register

LEAST_SQUARE = 1e-12  # under the root, whose gradient is infinite at zero


@register("posterior", "delta")
class DeltaPosterior(nn.Module):
    """Gaussian whose rate against N(0, I) is at least `nats` in every dimension.

    Args:
        width: feature width H.
        latent: latent dimensions K.
        nats: the committed rate delta, per dimension; 0.15 in 32 dimensions is 4.8 nats.
    """

    priors = ("standard_normal",)  # a prior that learns would come to meet it, and the rate fall below delta

    def __init__(self, width: int, *, latent: PositiveInt = 32, nats: PositiveFloat = 0.15) -> None:
        super().__init__()
        self.width, self.nats = width, nats
        self.event_shape = torch.Size([latent])
        self.moments = nn.Linear(width, 2 * latent)
        low, high = scale_bounds(nats)
        self.log_low, self.log_high = 2 * math.log(low), 2 * math.log(high)  # of the variance

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x): batch `[B]`, event `[K]`."""
        m, raw = at_least_float32(self.moments(features)).chunk(2, dim=-1)
        log_variance = self.log_low + (self.log_high - self.log_low) * torch.sigmoid(raw)
        variance = torch.exp(log_variance)
        # at the bounds rounding may put the sum a hair below zero
        square = (2 * self.nats + 1 + log_variance - variance).clamp(min=0) + m.square()
        mean = torch.where(m >= 0, 1.0, -1.0) * torch.sqrt(square.clamp(min=LEAST_SQUARE))
        return Independent(Normal(mean, variance.sqrt(), validate_args=False), 1, validate_args=False)


def scale_bounds(nats: float) -> tuple[float, float]:
    """The two standard deviations at which N(0, s^2) costs `nats` against N(0, 1): s^2 = -W(-exp(-(2 nats + 1))), both branches."""
    low = _log_variance_at(nats, -(2 * nats + 2))
    high = _log_variance_at(nats, math.log(2 * nats + 2) + 2)
    return math.exp(low / 2), math.exp(high / 2)


def _log_variance_at(nats: float, outside: float) -> float:
    """The ln s^2 between 0, which costs nothing, and `outside`, which costs too much, that costs `nats`; by bisection."""
    inside = 0.0
    for _ in range(200):
        middle = (inside + outside) / 2
        if math.exp(middle) - middle - 1 > 2 * nats:
            outside = middle
        else:
            inside = middle
    return inside
