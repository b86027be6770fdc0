"""Diagonal Gaussian posterior: q(z|x) = N(mu(x), diag sigma(x)^2) (Kingma & Welling 2014, arXiv 1312.6114)."""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from seqvae.registry import register

# exp(-20/2) = 4.5e-5 and exp(20/2) = 2.2e4: wide of anything a trained posterior uses, narrow enough for float32 and its gradients
LOG_VARIANCE_BOUND = 20.0


@register("posterior", "diagonal")
class DiagonalPosterior(nn.Module):
    """Two linear maps of the features: the mean and the log variance, each `[B,latent]`.

    Args:
        width: feature width H.
        latent: latent dimensions K.
    """

    def __init__(self, width: int, *, latent: PositiveInt = 32) -> None:
        super().__init__()
        self.event_shape = torch.Size([latent])
        self.moments = nn.Linear(width, 2 * latent)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x): batch `[B]`, event `[K]`, in float32 whatever the precision of the features."""
        moments = self.moments(features)
        mean, log_variance = moments.to(torch.promote_types(moments.dtype, torch.float32)).chunk(2, dim=-1)
        log_variance = log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)
        return Independent(Normal(mean, torch.exp(0.5 * log_variance), validate_args=False), 1, validate_args=False)
