"""The normaliser of the von Mises-Fisher distribution, relative to the uniform one, in log space and float64.

With v = d/2 - 1 and I_v the modified Bessel function of the first kind,

    log_partition(k)   = log E_u[exp(k mu.z)] = log( Gamma(v+1) (k/2)^-v I_v(k) )        u uniform on the sphere, 0 at k = 0
    mean_resultant(k)  = d/dk log_partition(k) = I_(v+1)(k) / I_v(k) = E[mu.z]           A_d(k), from 0 to 1
    d/dk mean_resultant = 1 - A^2 - (d-1) A / k

I_v itself overflows at large k and underflows at large v (Fisher's constants do both within a few hundred dimensions), so it is
never formed. At an order of at least `LARGE` the uniform asymptotic expansion (Debye; DLMF 10.41.3) is exact to rounding for every
k >= 0; from there the recurrence I_(v-1) = I_(v+1) + (2v/k) I_v, written for ratios, leads down to v and is stable in that
direction:

    r_v = I_(v+1) / I_v = k / (2(v+1) + k r_(v+1))
    F_v = exp(log_partition) = F_(v+1) (1 + k r_(v+1) / (2(v+1)))
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import Any

import torch
from torch import Tensor

LARGE = 40.0  # order from which the expansion's first neglected term is below 1e-16
TERMS = 12


def log_partition(kappa: Tensor, dimension: int) -> Tensor:
    """log E_u[exp(kappa mu.z)] over the uniform sphere in `dimension` >= 2 dimensions, same shape and dtype as `kappa >= 0`."""
    return _LogPartition.apply(kappa, dimension)


def mean_resultant(kappa: Tensor, dimension: int) -> Tensor:
    """A_d(kappa) = E[mu.z], same shape and dtype as `kappa >= 0`."""
    return _MeanResultant.apply(kappa, dimension)


class _LogPartition(torch.autograd.Function):
    """Its derivative is the mean resultant, which has a derivative in turn."""

    @staticmethod
    def forward(ctx: Any, kappa: Tensor, dimension: int) -> Tensor:
        ctx.save_for_backward(kappa)
        ctx.dimension = dimension
        return _partition_and_ratio(kappa.double(), dimension)[0].to(kappa.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kappa,) = ctx.saved_tensors
        return gradient * mean_resultant(kappa, ctx.dimension), None


class _MeanResultant(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kappa: Tensor, dimension: int) -> Tensor:
        wide = kappa.double()
        over_kappa = _partition_and_ratio(wide, dimension)[1]  # A/k, finite at k = 0
        resultant = wide * over_kappa
        ctx.slope = (1 - resultant.square() - (dimension - 1) * over_kappa).to(kappa.dtype)
        return resultant.to(kappa.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.slope, None


def _partition_and_ratio(kappa: Tensor, dimension: int) -> tuple[Tensor, Tensor]:
    """log F_v and r_v / kappa at v = dimension/2 - 1, float64."""
    order = dimension / 2 - 1
    shift = max(0, math.ceil(LARGE - order))
    top = order + shift
    log_f = _expansion(kappa, top)
    # r_top / kappa = F_(top+1) / (F_top 2 (top+1))
    over_kappa = torch.exp(_expansion(kappa, top + 1) - log_f) / (2 * (top + 1))
    square = kappa.square()
    for step in range(shift):
        next_order = top - step  # v+1 of the recurrences above
        log_f = log_f + torch.log1p(square * over_kappa / (2 * next_order))
        over_kappa = 1 / (2 * next_order + square * over_kappa)
    return log_f, over_kappa


def _expansion(kappa: Tensor, order: float) -> Tensor:
    """log F at a large order: v (s - log(1 + s/2)) - log(1+x^2)/4 + log sum_j U_j(p)/v^j + Stirling's remainder,
    x = k/v, s = sqrt(1+x^2) - 1, p = 1/sqrt(1+x^2)."""
    square = (kappa / order).square()
    root = torch.sqrt(1 + square)
    s = square / (1 + root)
    p = 1 / root
    series = torch.zeros_like(p)
    for j in reversed(range(TERMS)):
        series = series / order + _polynomial(p, j)
    remainder = math.lgamma(order + 1) - order * math.log(order) + order - 0.5 * math.log(2 * math.pi * order)
    return order * (s - torch.log1p(s / 2)) - 0.25 * torch.log1p(square) + torch.log(series) + remainder


def _polynomial(p: Tensor, j: int) -> Tensor:
    """Debye's U_j(p), by Horner's rule."""
    value = torch.zeros_like(p)
    for coefficient in reversed(_debye()[j]):
        value = value * p + float(coefficient)
    return value


@cache
def _debye() -> list[list[Fraction]]:
    """Coefficients of U_0..U_(TERMS-1): U_(j+1) = p^2 (1-p^2) U_j'/2 + (1/8) integral_0^p (1 - 5 t^2) U_j dt (DLMF 10.41.9)."""
    found = [[Fraction(1)]]
    while len(found) < TERMS:
        last = found[-1]
        following = [Fraction(0)] * (len(last) + 3)
        for power, c in enumerate(last):
            following[power + 1] += c * power / 2 + c / (8 * (power + 1))
            following[power + 3] -= c * power / 2 + 5 * c / (8 * (power + 3))
        found.append(following)
    return found
