"""Divergences D(q(z) || p(z)) between the aggregated posterior and the prior, estimated from samples of both.

A divergence is built as `Divergence([event_shape], *, ...)`. One with weights of its own (a discriminator) gives their loss
apart, so that one backward pass serves both: no gradient of either reaches the other's weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution


class Divergence(nn.Module):
    """How far the samples `z [N,*event]` of the aggregated posterior are from as many of the prior."""

    def forward(self, z: Tensor, prior: Tensor) -> Tensor:
        """What the model is charged, a scalar; gradients flow into both arguments and into no weight of the divergence."""
        raise NotImplementedError

    def own_loss(self, z: Tensor, prior: Tensor) -> Tensor | None:
        """What the divergence's own weights minimise, a scalar; None without weights. Both arguments come detached."""
        return None


def prior_samples(prior: Distribution, z: Tensor) -> Tensor:
    """As many samples of the prior as there are latents `z [S,B,*event]`, in that shape, with gradients where it can give them."""
    shape = z.shape[:1] if prior.batch_shape else z.shape[:2]
    return prior.rsample(torch.Size(shape)) if prior.has_rsample else prior.sample(torch.Size(shape))
