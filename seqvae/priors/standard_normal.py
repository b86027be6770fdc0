"""Standard normal prior: p(z) = N(0, I)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from seqvae.registry import register


@register("prior", "standard_normal")
class StandardNormalPrior(nn.Module):
    """N(0, I) over the posterior's event; nothing to learn.

    Args:
        event_shape: shape of one latent.
    """

    zero: Tensor

    def __init__(self, event_shape: torch.Size) -> None:
        super().__init__()
        self.event_shape = event_shape
        self.register_buffer("zero", torch.zeros(()), persistent=False)  # carries device and dtype

    def forward(self) -> Distribution:
        """p(z): batch `[]`, event `event_shape`."""
        mean = self.zero.expand(self.event_shape)
        return Independent(Normal(mean, torch.ones_like(mean), validate_args=False), len(self.event_shape), validate_args=False)
