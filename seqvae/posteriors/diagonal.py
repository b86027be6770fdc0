"""Diagonal Gaussian posterior: q(z|x) = N(mu(x), diag sigma(x)^2) (Kingma & Welling 2014, arXiv 1312.6114).

With `batch_norm_gamma` the means are batch normalised to that standard deviation, which is BN-VAE (Zhu et al. 2020, arXiv
2004.12585) and keeps the rate from falling to zero: gamma 0.6 at 32 dimensions holds it above 5.76 nats. With `positions` the
latent is a sequence `[N,K]`, as a prior like `ar1` needs.
"""

from __future__ import annotations

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from seqvae.posteriors.batch_norm import FixedScaleNorm
from seqvae.posteriors.precision import at_least_float32
from seqvae.registry import register

# exp(-20/2) = 4.5e-5 and exp(20/2) = 2.2e4: wide of anything a trained posterior uses, narrow enough for float32 and its gradients
LOG_VARIANCE_BOUND = 20.0


@register("posterior", "diagonal")
class DiagonalPosterior(nn.Module):
    """Two linear maps of the features: the mean and the log variance of each latent number.

    Args:
        width: feature width H.
        latent: latent dimensions K.
        positions: N, for a sequence of latents `[N,K]`; None for one latent `[K]`.
        batch_norm_gamma: standard deviation of the batch normalised means; None leaves them as they are.
    """

    def __init__(
        self,
        width: int,
        *,
        latent: PositiveInt = 32,
        positions: PositiveInt | None = None,
        batch_norm_gamma: PositiveFloat | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.event_shape = torch.Size([latent] if positions is None else [positions, latent])
        size = self.event_shape.numel()
        self.moments = nn.Linear(width, 2 * size)
        self.norm = FixedScaleNorm(size, batch_norm_gamma) if batch_norm_gamma is not None else None

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x): batch `[B]`, event `[K]` or `[N,K]`, in float32 whatever the precision of the features."""
        mean, log_variance = at_least_float32(self.moments(features)).chunk(2, dim=-1)
        if self.norm is not None:
            mean = self.norm(mean)
        scale = torch.exp(0.5 * log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND))
        shape = (len(features), *self.event_shape)
        normal = Normal(mean.view(shape), scale.view(shape), validate_args=False)
        return Independent(normal, len(self.event_shape), validate_args=False)
