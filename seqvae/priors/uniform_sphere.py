"""Uniform prior on the unit sphere, for the posteriors that live there (Davidson et al. 2018, arXiv 1804.00891)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from seqvae.distributions.sphere import SphericalUniform, unit_sphere
from seqvae.errors import ConfigError
from seqvae.registry import register


@register("prior", "uniform_sphere")
class UniformSpherePrior(nn.Module):
    """Every direction alike; nothing to learn.

    Args:
        event_shape: `[d]`.

    Raises:
        ConfigError: a sequence of latents.
    """

    support = unit_sphere
    zero: Tensor

    def __init__(self, event_shape: torch.Size) -> None:
        super().__init__()
        if len(event_shape) != 1:
            raise ConfigError(
                f"prior uniform_sphere is over one vector, the latent is {list(event_shape)}; drop posterior.positions"
            )
        self.event_shape = event_shape
        self.register_buffer("zero", torch.zeros(event_shape), persistent=False)  # carries device and dtype

    def forward(self) -> Distribution:
        """p(z): batch `[]`, event `[d]`."""
        return SphericalUniform(self.zero, validate_args=False)
