"""Paths between two latents: straight lines, and arcs that keep to the shell where a Gaussian prior has its mass.

Linear: z(t) = (1-t) a + t b. Spherical (slerp; Shoemake 1985; for latents White 2016, arXiv 1609.04468), each latent vector of the
event on its own:

    z(t) = ((1-t)|a| + t|b|) (cos(t w) u + sin(t w) v)

with u = a/|a|, v the unit vector across u towards b, and w the angle between a and b. The norm goes linearly, so that the ends are
a and b whatever their lengths. Where the formula leaves the path open: to or from a zero vector it is the straight line; between
opposite vectors it turns through the coordinate axis that u leans on least (the first of equals), one half-turn of many, but always
the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqvae.errors import ConfigError, nearest

PARALLEL = 1e-9  # below this sine of the angle, in float64, two directions are one line


def linear(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """`[steps,*event]` latents on the straight line from `a [*event]` to `b [*event]`, both included.

    Raises:
        ConfigError: fewer than two steps.
    """
    return torch.lerp(a, b, _times(a, steps).to(a))


def slerp(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """`[steps,*event]` latents on the arc from `a [*event]` to `b [*event]`, both included.

    Raises:
        ConfigError: fewer than two steps.
    """
    t = _times(a, steps)  # [steps,1,...]
    start, end = a.to("cpu", torch.float64), b.to("cpu", torch.float64)  # near-parallel directions need the digits
    start_norm, end_norm = (x.norm(dim=-1, keepdim=True) for x in (start, end))
    start_direction, end_direction = start / start_norm, end / end_norm
    across = _across(start_direction, end_direction)
    angle = torch.atan2((across * end_direction).sum(-1, keepdim=True), (start_direction * end_direction).sum(-1, keepdim=True))
    direction = torch.cos(t * angle) * start_direction + torch.sin(t * angle) * across
    arc = torch.lerp(start_norm, end_norm, t) * direction
    straight = torch.lerp(start, end, t)
    return torch.where((start_norm > 0) & (end_norm > 0), arc, straight).to(a)


METHODS = {"slerp": slerp, "linear": linear}


def path(a: Tensor, b: Tensor, steps: int, method: str) -> Tensor:
    """The path of that name, `[steps,*event]`.

    Raises:
        ConfigError: an unknown method, or fewer than two steps.
    """
    if method not in METHODS:
        raise ConfigError(f"unknown method {method!r}; {nearest(method, METHODS)}")
    return METHODS[method](a, b, steps)


def _times(a: Tensor, steps: int) -> Tensor:
    """0 to 1 in `steps` values, `[steps,1,...]`, float64."""
    if steps < 2:
        raise ConfigError(f"steps={steps}: a path has two ends; give at least 2")
    return torch.linspace(0, 1, steps, dtype=torch.float64).view(steps, *[1] * a.dim())


def _across(u: Tensor, v: Tensor) -> Tensor:
    """The unit vector at right angles to `u` in the plane of `u` and `v`; any fixed one where they span no plane."""
    rest = v - (u * v).sum(-1, keepdim=True) * u
    axis = torch.nn.functional.one_hot(u.abs().argmin(dim=-1), u.shape[-1]).to(u)
    fallback = axis - (u * axis).sum(-1, keepdim=True) * u
    rest = torch.where(rest.norm(dim=-1, keepdim=True) > PARALLEL, rest, fallback)
    return torch.nn.functional.normalize(rest, dim=-1)
