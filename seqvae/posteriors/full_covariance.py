"""Gaussian posterior with every covariance: q(z|x) = N(mu(x), L(x) L(x)^T), L lower triangular with a positive diagonal.

    L_ii = sigma_i,    L_ij = sigma_i r_ij  (j < i)

The off-diagonal is taken relative to its row's sigma, so that the correlations do not depend on the scale of the latent: with rows
r of norm rho the marginal standard deviation is sigma sqrt(1 + rho^2). It starts at zero, where the posterior is diagonal.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal

from seqvae.posteriors.precision import at_least_float32
from seqvae.registry import register

LOG_SCALE_BOUND = 10.0  # as for the diagonal posterior
# correlations up to 0.98 with a single other dimension; the inverse of L grows at most like (1 + bound)^K, which a trained
# posterior does not come near
RATIO_BOUND = 5.0


@register("posterior", "full_covariance")
class FullCovariancePosterior(nn.Module):
    """A linear map of the features to K means, K log scales and K(K-1)/2 ratios below the diagonal.

    Args:
        width: feature width H.
        latent: latent dimensions K, at least two.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, width: int, *, latent: Annotated[int, Field(ge=2)] = 32) -> None:
        super().__init__()
        self.width, self.latent = width, latent
        self.event_shape = torch.Size([latent])
        rows, columns = torch.tril_indices(latent, latent, offset=-1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.moments = nn.Linear(width, 2 * latent)
        self.ratios = nn.Linear(width, len(rows))
        nn.init.zeros_(self.ratios.weight)
        nn.init.zeros_(self.ratios.bias)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x): batch `[B]`, event `[K]`, in float32 whatever the precision of the features."""
        mean, log_scale = at_least_float32(self.moments(features)).chunk(2, dim=-1)
        ratios = RATIO_BOUND * torch.tanh(at_least_float32(self.ratios(features)) / RATIO_BOUND)
        unit = torch.eye(self.latent, dtype=mean.dtype, device=mean.device).repeat(len(mean), 1, 1)
        unit[:, self.rows, self.columns] = ratios
        factor = unit * torch.exp(log_scale.clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND)).unsqueeze(-1)  # [B,K,K]
        return MultivariateNormal(mean, scale_tril=factor, validate_args=False)
