"""Supports: whether two distributions live on the same set, and the way back onto it."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.distributions import constraints
from torch.distributions.constraints import Constraint

from seqvae.distributions.sphere import UnitSphere
from seqvae.neighbours import Metric

REAL: Constraint = constraints.real
NAMES: dict[type, str] = {type(REAL): "the real numbers", UnitSphere: "the unit sphere"}


def support_of(part: Any) -> Constraint | None:
    """Where a part's latents live, less the counting of dimensions: the real numbers where it does not say; None is anywhere."""
    support = getattr(part, "support", REAL)
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return support


def same_support(a: Any, b: Any) -> bool:
    """Whether two parts' latents live on the same set."""
    one, other = support_of(a), support_of(b)
    return one is None or other is None or type(one) is type(other)


def name_of(part: Any) -> str:
    """A part's support in words."""
    support = support_of(part)
    return NAMES.get(type(support), str(support))


def project(part: Any, z: Tensor) -> Tensor:
    """Latents `[...,*event]` taken to the nearest point of the part's support: a mean, or a sum, may lie off a sphere."""
    support = support_of(part)
    return support.project(z) if isinstance(support, UnitSphere) else z


def within(part: Any, z: Tensor, centre: Tensor, radius: float) -> Tensor:
    """Latents `[N,*event]` taken to the nearest points of the part's support that lie no further than `radius` from
    `centre [N,*event]`, itself on the support; each latent counts as one vector."""
    support = support_of(part)
    if isinstance(support, UnitSphere):
        return support.within(z, centre, radius)
    away = (z - centre).flatten(1)
    factor = radius / away.norm(dim=1, keepdim=True).clamp(min=radius)  # 1 inside
    return centre + (factor * away).view_as(z)


def metric_of(part: Any) -> Metric:
    """How far apart two of a part's latents are: by their directions on a sphere, elsewhere as the crow flies."""
    return "cosine" if isinstance(support_of(part), UnitSphere) else "euclidean"
