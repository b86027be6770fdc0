"""A stationary AR(1) sequence of Gaussian latents with unit marginals, the prior of delta-VAE (Razavi et al. 2019, arXiv
1901.03416).

    z_1 ~ N(0, 1),    z_t | z_(t-1) ~ N(alpha z_(t-1), 1 - alpha^2),    each of K dimensions on its own

Independent Gaussians cannot match it, so their divergence from it has a floor, the **committed rate**, per dimension over N
positions

    delta(alpha, N) = (1/2) [ (N-2) ln(1 + alpha^2) - ln(1 - alpha^2) ]

attained at zero means, variance 1 - alpha^2 at the ends and (1 - alpha^2)/(1 + alpha^2) between them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints, register_kl
from torch.types import _size  # what torch calls its shapes


class AutoregressiveNormal(Distribution):
    """AR(1) over `[N,K]`.

    Args:
        alpha: correlation of neighbours, a scalar between 0 and 1.
        event_shape: `[N,K]`, N >= 2.
    """

    arg_constraints = {"alpha": constraints.unit_interval}  # noqa: RUF012  # torch's interface
    support = constraints.independent(constraints.real, 2)
    has_rsample = True

    def __init__(self, alpha: Tensor, event_shape: torch.Size, validate_args: bool | None = None) -> None:
        self.alpha = alpha
        super().__init__(torch.Size(), event_shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """Zero."""
        return self.alpha.new_zeros(self.event_shape)

    @property
    def variance(self) -> Tensor:
        """One."""
        return self.alpha.new_ones(self.event_shape)

    @property
    def conditional_variance(self) -> Tensor:
        """v_t: 1 at the first position, 1 - alpha^2 after it; `[N,1]`."""
        variance = (1 - self.alpha.square()).repeat(self.event_shape[0], 1)
        variance[0] = 1.0
        return variance

    def rsample(self, sample_shape: _size = ()) -> Tensor:
        """Samples `[*sample_shape,N,K]`, one position after another."""
        shape = self._extended_shape(sample_shape)
        noise = torch.randn(shape, dtype=self.alpha.dtype, device=self.alpha.device) * self.conditional_variance.sqrt()
        z = [noise[..., 0, :]]
        for t in range(1, shape[-2]):
            z.append(self.alpha * z[-1] + noise[..., t, :])
        return torch.stack(z, dim=-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """Nats, summed over positions and dimensions."""
        variance = self.conditional_variance
        surprise = value - self._predicted(value)
        return -0.5 * (surprise.square() / variance + variance.log() + math.log(2 * math.pi)).sum((-2, -1))

    def _predicted(self, value: Tensor) -> Tensor:
        """alpha z_(t-1), and 0 for the first position."""
        return torch.cat([torch.zeros_like(value[..., :1, :]), self.alpha * value[..., :-1, :]], dim=-2)


def committed_rate(alpha: float, positions: int) -> float:
    """The least KL of independent Gaussians from AR(1), nats per dimension over `positions` >= 2 latents."""
    return 0.5 * ((positions - 2) * math.log1p(alpha**2) - math.log1p(-(alpha**2)))


def correlation_for(nats: float, positions: int) -> float:
    """The alpha whose committed rate is `nats` per dimension, by bisection; the rate rises from 0 to infinity with alpha."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if committed_rate(middle, positions) < nats else (low, middle)
    return low


def _divergence(q: Independent, p: AutoregressiveNormal) -> Tensor:
    """KL of independent Gaussians from AR(1), `[B]` nats: each surprise has the variance s_t^2 + alpha^2 s_(t-1)^2."""
    if not isinstance(q.base_dist, Normal):
        raise NotImplementedError
    mean, variance = q.base_dist.loc, q.base_dist.variance
    wanted = p.conditional_variance
    carried = p.alpha * p._predicted(variance)  # alpha^2 s_(t-1)^2
    squared = (mean - p._predicted(mean)).square() + variance + carried
    return 0.5 * (squared / wanted - 1 + wanted.log() - variance.log()).sum((-2, -1))


register_kl(Independent, AutoregressiveNormal)(_divergence)
