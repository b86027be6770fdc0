"""A map of the latent space: the plane in which the latents of a data set spread most (PCA, Pearson 1901)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqvae.errors import DataError


@dataclass(frozen=True)
class LatentMap:
    """A plane through latents, and where they fall on it.

    Shapes:
        coordinates: `[N,2]` float64, centred.
        explained: share of the variance along each axis, two numbers from 0 to 1, the larger first; 0 where there is none.
        mean, axes: `[K]` and `[2,K]`, the plane itself.
    """

    coordinates: Tensor
    explained: tuple[float, float]
    mean: Tensor
    axes: Tensor

    def project(self, latents: Tensor) -> Tensor:
        """Coordinates `[N,2]` of other latents `[N,*event]`, a path for example."""
        return (_flat(latents) - self.mean) @ self.axes.T


def latent_map(latents: Tensor) -> LatentMap:
    """The principal plane of latents `[N,*event]`.

    An axis's sign is arbitrary in PCA; here its largest loading is positive, so that the same latents give the same picture. An
    axis along which nothing varies is zero.

    Raises:
        DataError: no latents.
    """
    if len(latents) == 0:
        raise DataError("no latents to map; give at least one")
    flat = _flat(latents)
    mean = flat.mean(dim=0)
    _, spread, axes = torch.linalg.svd(flat - mean, full_matrices=False)  # spread [min(N,K)], axes [min(N,K),K]
    axes = axes * axes.take_along_dim(axes.abs().argmax(dim=1, keepdim=True), dim=1).sign()
    variance = spread.square()
    varies = (spread > spread[0] * 1e-12) & (spread > 0)  # float64 rounding is no axis
    axes, variance = axes * varies[:, None], variance * varies
    plane = torch.zeros(2, flat.shape[1], dtype=torch.float64)
    plane[: len(axes)] = axes[:2]
    shares = [*(variance / variance.sum().clamp(min=torch.finfo(torch.float64).tiny)).tolist(), 0.0][:2]
    return LatentMap((flat - mean) @ plane.T, (shares[0], shares[1]), mean, plane)


def _flat(latents: Tensor) -> Tensor:
    return latents.detach().to("cpu", torch.float64).flatten(1)
