"""Inverse autoregressive flow posterior (Kingma et al. 2016, arXiv 1606.04934): a diagonal Gaussian made flexible by autoregressive
steps that read the encoder's features. The rate has no closed form and is estimated at the samples, log q(z|x) - log p(z).
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from seqvae.distributions.inverse_autoregressive import InverseAutoregressive
from seqvae.networks.autoregressive_flow import InverseAutoregressiveFlow
from seqvae.posteriors.precision import at_least_float32
from seqvae.registry import register

LOG_SCALE_BOUND = 10.0  # as for the diagonal posterior


@register("posterior", "iaf")
class IafPosterior(nn.Module):
    """A diagonal Gaussian, then `steps` gated autoregressive maps with the order of dimensions reversed between them.

    Its `mean` is the image of the Gaussian's mean, a location that stands for the mean, which has no closed form.

    Args:
        width: feature width H.
        latent: latent dimensions K.
        steps: maps.
        hidden: hidden units of each map's network.
    """

    def __init__(self, width: int, *, latent: PositiveInt = 32, steps: PositiveInt = 2, hidden: PositiveInt = 256) -> None:
        super().__init__()
        self.width = width
        self.event_shape = torch.Size([latent])
        self.moments = nn.Linear(width, 2 * latent)
        self.flow = InverseAutoregressiveFlow(latent, steps, hidden, width)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x): batch `[B]`, event `[K]`, in float32 whatever the precision of the features."""
        mean, log_scale = at_least_float32(self.moments(features)).chunk(2, dim=-1)
        scale = torch.exp(log_scale.clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND))
        base = Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)
        return InverseAutoregressive(base, self.flow, at_least_float32(features))
