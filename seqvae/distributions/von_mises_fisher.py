"""Von Mises-Fisher: the Gaussian of the unit sphere (Fisher 1953; as a posterior: Davidson et al. 2018, arXiv 1804.00891;
Xu & Durrett 2018, arXiv 1808.10805).

    q(z) = exp(k mu.z - log_partition(k)) / |S^(d-1)|,      E[z] = A_d(k) mu,      KL(q || uniform) = k A_d(k) - log_partition(k)

with `log_partition` and A_d in `bessel`, float64 whatever the precision of the parameters. (A published implementation has the
divergence of dimension d+2: 2.0836 where 2.1726 is true, at d = 32 and k = 13.)

Sampling: the cosine w = mu.z by the rejection sampler of Wood (1994), all rows at once, then a uniform tangent direction. The
gradient of the direction is the path's. That of the concentration is by **implicit differentiation** of the cosine's distribution
function (Figurnov et al. 2018, arXiv 1805.08498), which is exact: no correction for the rejections is left to make.

    dw/dk = -(dF(w;k)/dk) / f(w;k) = (1/f(w)) integral_-1^w (A - t) f(t) dt
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Beta
from torch.types import _size  # what torch calls its shapes

from seqvae.distributions.around_direction import AroundDirection
from seqvae.distributions.bessel import log_partition, mean_resultant
from seqvae.distributions.sphere import log_area

NODES = 64  # of Gauss and Legendre, over REACH standard deviations: the integral to ten digits
REACH = 16.0
TINY = 1e-150  # keeps a sample on the pole itself from dividing by zero


class VonMisesFisher(AroundDirection):
    """A direction `loc [B,d]` and a concentration k > 0 `[B]`."""

    def mean_cosine(self) -> Tensor:
        """A_d(k), `[B]`."""
        return mean_resultant(self.concentration, self.dimension)

    def angle(self, sample_shape: _size) -> tuple[Tensor, Tensor]:
        """Cosines and sines `[*sample_shape,B]`, by rejection."""
        kappa = self.concentration.double().expand(*sample_shape, *self.batch_shape)
        complement = _Complement.apply(kappa, self.dimension)
        return 1 - complement, torch.sqrt(complement * (2 - complement))

    def log_density(self, cosine: Tensor) -> Tensor:
        """k w - log_partition(k) - log |S^(d-1)|, nats."""
        kappa = self.concentration.double()
        return kappa * cosine - log_partition(kappa, self.dimension) - log_area(self.dimension)

    def entropy(self) -> Tensor:
        """log |S^(d-1)| - KL(q || uniform), nats."""
        return log_area(self.dimension) - self.divergence_from_uniform()

    def divergence_from_uniform(self) -> Tensor:
        """KL(q || uniform) `[B]`, nats; its derivative by k is k A'(k)."""
        kappa = self.concentration.double()
        divergence = kappa * mean_resultant(kappa, self.dimension) - log_partition(kappa, self.dimension)
        return divergence.to(self.concentration.dtype)


class _Complement(torch.autograd.Function):
    """1 - w for a sampled cosine w = mu.z: near the pole it keeps the digits that w has lost."""

    @staticmethod
    def forward(ctx: Any, kappa: Tensor, dimension: int) -> Tensor:
        complement = _sample_complement(kappa, dimension)
        ctx.save_for_backward(kappa, complement)
        ctx.dimension = dimension
        return complement

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None]:
        if not ctx.needs_input_grad[0]:
            return None, None
        kappa, complement = ctx.saved_tensors
        return -gradient * cosine_slope(kappa, complement, ctx.dimension), None


def _sample_complement(kappa: Tensor, dimension: int) -> Tensor:
    """1 - w by Wood's sampler (1994), `kappa`'s shape, float64: proposals for the rows that still wait, until none does.

    A proposal is accepted with probability above 0.66 at every k and d, so a few rounds do.
    """
    shape, n = kappa.shape, dimension - 1
    kappa = kappa.detach().flatten()
    b = n / (2 * kappa + torch.sqrt(4 * kappa.square() + n**2))
    x = (1 - b) / (1 + b)
    # log(1 - x^2) = log(4 b / (1+b)^2)
    bound = kappa * x + n * torch.log(4 * b / (1 + b).square())
    accepted = torch.empty_like(kappa)
    waiting = torch.arange(len(kappa), device=kappa.device)
    half = kappa.new_tensor(n / 2)
    while len(waiting):
        at = waiting
        e = Beta(half, half, validate_args=False).sample(at.shape)
        complement = 2 * b[at] * e / (1 - (1 - b[at]) * e)
        # log(1 - x w) with w = 1 - complement
        score = kappa[at] * (1 - complement) + n * torch.log(1 - x[at] + x[at] * complement) - bound[at]
        passed = ~(score < torch.log(torch.rand_like(e)))  # NaN compares with nothing: it passes, to be seen in the gradient
        accepted[at[passed]] = complement[passed]
        waiting = at[~passed]
    return accepted.view(shape)


def cosine_slope(kappa: Tensor, complement: Tensor, dimension: int) -> Tensor:
    """dw/dk at a fixed quantile, for cosines w = 1 - `complement`; float64.

    Over the angle, where the density f(a) = exp(k cos a) sin(a)^(d-2) is smooth for every d, and from w outwards on the side that
    holds less, so that f(t)/f(w) stays bounded: integral_-1^1 (A - t) f dt = 0 makes both sides equal.
    """
    angle = 2 * torch.asin(torch.sqrt(complement / 2).clamp(TINY, 1)).unsqueeze(-1)  # [...,1]; acos would lose digits near the pole
    k = kappa.unsqueeze(-1)
    average = mean_resultant(k, dimension)
    below = torch.cos(angle) < average  # w is in the lower half: integrate from -1 to w, angles from `angle` to pi
    reach = REACH / torch.sqrt(torch.clamp(2 * k, min=max(dimension - 2, 1e-3)))
    end = torch.where(below, (angle + reach).clamp(max=torch.pi), (angle - reach).clamp(min=0.0))
    nodes, weights = (torch.as_tensor(part, device=k.device) for part in _gauss_legendre())
    t = angle + (end - angle) * (nodes + 1) / 2  # [...,NODES]
    fall = -2 * torch.sin((t + angle) / 2) * torch.sin((t - angle) / 2)  # cos(t) - cos(angle)
    log_ratio = k * fall + (dimension - 2) * torch.log(torch.sin(t) / torch.sin(angle))
    inner = (average - torch.cos(t)) * torch.exp(log_ratio) * (end - angle).abs() / 2
    integral = (inner * weights).sum(-1)  # per unit of f(angle)
    # from angles to cosines: dw = -sin(angle) d(angle)
    side = torch.where(below, 1.0, -1.0).squeeze(-1)
    return side * integral * torch.sin(angle).squeeze(-1)


@cache
def _gauss_legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(NODES)
