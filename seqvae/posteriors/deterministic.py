"""No posterior but a point: z = W h, the bottleneck of a plain autoencoder (Ghosh et al. 2020, arXiv 1903.12436, with what
follows).

There is no noise, hence no density, and the rate is 0 by convention (see `seqvae.distributions.point_mass`). Evaluation then leaves
out what does not exist: ELBO, rate, NLL, mutual information. To sample, fit a density to the encodings afterwards
(`seqvae fit-prior`); the prior of the recipe is what a divergence such as MMD holds the encodings against.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.distributions import Distribution

from seqvae.distributions.point_mass import PointMass
from seqvae.posteriors.precision import at_least_float32
from seqvae.registry import register


@register("posterior", "deterministic")
class DeterministicPosterior(nn.Module):
    """A linear map of the features.

    Args:
        width: feature width H.
        latent: latent dimensions K.
        positions: N, for a sequence of latents `[N,K]`; None for one latent `[K]`.
    """

    def __init__(self, width: int, *, latent: PositiveInt = 32, positions: PositiveInt | None = None) -> None:
        super().__init__()
        self.width = width
        self.event_shape = torch.Size([latent] if positions is None else [positions, latent])
        self.point = nn.Linear(width, self.event_shape.numel())

    def forward(self, features: Tensor) -> Distribution:
        """The point z(x): batch `[B]`, event `[K]` or `[N,K]`."""
        point = at_least_float32(self.point(features)).view(len(features), *self.event_shape)
        return PointMass(point, len(self.event_shape))
