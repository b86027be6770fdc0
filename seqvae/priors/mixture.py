"""Mixture-of-Gaussians prior, learnt with the model (Dilokthanakul et al. 2016, arXiv 1611.02648) or fitted to encodings
afterwards.

p(z) = sum_c w_c N(z; mu_c, Sigma_c)
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, MultivariateNormal, Normal

from seqvae.errors import ConfigError
from seqvae.priors.expectation_maximisation import fit_gaussians
from seqvae.registry import register

LOG_SCALE_BOUND = 10.0  # as for the posteriors


@register("prior", "mixture")
class MixturePrior(nn.Module):
    """Gaussians with learnt weights, means and covariances; the rate is estimated at the samples.

    Args:
        event_shape: shape of one latent.
        components: C.
        covariance: `diagonal`, or `full` for latents that are vectors.

    Raises:
        ConfigError: full covariances over a sequence of latents.
    """

    def __init__(
        self, event_shape: torch.Size, *, components: PositiveInt = 10, covariance: Literal["diagonal", "full"] = "diagonal"
    ) -> None:
        super().__init__()
        if covariance == "full" and len(event_shape) != 1:
            raise ConfigError(
                f"prior mixture: covariance=full is for latents that are vectors, the latent is {list(event_shape)}; "
                "give covariance=diagonal"
            )
        self.event_shape = event_shape
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(torch.randn(components, *event_shape))  # spread like a standard normal prior, to begin with
        self.log_scales = nn.Parameter(torch.zeros(components, *event_shape))
        size = event_shape.numel()
        self.ratios = nn.Parameter(torch.zeros(components, size, size)) if covariance == "full" else None

    def forward(self) -> Distribution:
        """p(z): batch `[]`, event `event_shape`."""
        scales = torch.exp(self.log_scales.clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND))
        gaussians: Distribution
        if self.ratios is None:
            normal = Normal(self.means, scales, validate_args=False)
            gaussians = Independent(normal, len(self.event_shape), validate_args=False)
        else:
            unit = self.ratios.tril(-1) + torch.eye(self.ratios.shape[-1]).to(self.ratios)
            gaussians = MultivariateNormal(self.means, scale_tril=unit * scales.unsqueeze(-1), validate_args=False)
        return MixtureSameFamily(Categorical(logits=self.logits, validate_args=False), gaussians, validate_args=False)

    @torch.no_grad()
    def fit(self, z: Tensor) -> None:
        """Set the parameters to the likeliest for latents `[N,*event]`, by expectation maximisation from a seeding by chance.

        Raises:
            DataError: fewer latents than components.
        """
        fitted = fit_gaussians(z.flatten(1), len(self.logits), full=self.ratios is not None)
        self.logits.copy_(fitted.weights.log())
        self.means.copy_(fitted.means.view_as(self.means))
        scales = fitted.factors.diagonal(dim1=-2, dim2=-1)
        self.log_scales.copy_(scales.log().view_as(self.log_scales))
        if self.ratios is not None:
            self.ratios.copy_((fitted.factors / scales.unsqueeze(-1)).tril(-1))
