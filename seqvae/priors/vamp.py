"""VampPrior: the aggregated posterior of a few learnt pseudo-inputs (Tomczak & Welling 2018, arXiv 1705.07120).

    p(z) = (1/C) sum_c q(z | u_c)

The paper learns the u_c in the space of the data. Tokens have no gradient, so here **u_c are features**, what the encoder would
say of an imagined record, and go through the model's own posterior. The prior thus has the posterior's support, whatever that is.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily

from seqvae.errors import ConfigError
from seqvae.registry import register

SPREAD = 0.5  # standard deviation of the first pseudo-features: a recurrent encoder's lie within (-1, 1)


@register("prior", "vamp")
class VampPrior(nn.Module):
    """A mixture of posteriors; the rate is estimated at the samples.

    Args:
        event_shape: shape of one latent.
        posterior: the model's own. It is used, not owned: its parameters are counted and saved once, with the posterior.
        components: C pseudo-inputs.

    Raises:
        ConfigError: a posterior that normalises over the batch, where pseudo-inputs would be a batch of their own.
    """

    support = None  # the posterior's

    def __init__(self, event_shape: torch.Size, posterior: nn.Module, *, components: PositiveInt = 50) -> None:
        super().__init__()
        if getattr(posterior, "norm", None) is not None:
            raise ConfigError("prior vamp cannot share a posterior with batch_norm_gamma: drop one of the two")
        self.event_shape = event_shape
        width: int = posterior.width  # type: ignore[assignment]
        self.features = nn.Parameter(SPREAD * torch.randn(components, width))
        self.equal: Tensor
        self.register_buffer("equal", torch.zeros(components), persistent=False)
        self._posterior = [posterior]  # in a list, so that it is no submodule

    def forward(self) -> Distribution:
        """p(z): batch `[]`, event `event_shape`."""
        components: Distribution = self._posterior[0](self.features)
        return MixtureSameFamily(Categorical(logits=self.equal, validate_args=False), components, validate_args=False)
