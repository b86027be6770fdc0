"""AR(1) prior over a sequence of latents: neighbours correlate, so that independent posteriors must pay a committed rate
(delta-VAE; Razavi et al. 2019, arXiv 1901.03416). See `seqvae.distributions.autoregressive_normal`."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor, nn
from torch.distributions import Distribution

from seqvae.distributions.autoregressive_normal import AutoregressiveNormal, committed_rate, correlation_for
from seqvae.errors import ConfigError
from seqvae.registry import register


@register("prior", "ar1")
class Ar1Prior(nn.Module):
    """A stationary chain over `[N,K]` with unit marginals.

    Args:
        event_shape: `[N,K]`, N >= 2: set `model.posterior.positions`.
        alpha: correlation of neighbours.
        nats: committed rate per latent dimension (summed over the N positions) to choose alpha by, in its place.

    Raises:
        ConfigError: no sequence of latents, or both `alpha` and `nats`, or a rate that needs alpha = 1.
    """

    alpha: Tensor

    def __init__(
        self,
        event_shape: torch.Size,
        *,
        alpha: Annotated[float, Field(gt=0, lt=1)] | None = None,
        nats: PositiveFloat | None = None,
    ) -> None:
        super().__init__()
        if len(event_shape) != 2 or event_shape[0] < 2:
            raise ConfigError(
                f"prior ar1 is over a sequence of latents, the latent is {list(event_shape)}; give model.posterior.positions=8, say"
            )
        if alpha is not None and nats is not None:
            raise ConfigError(f"prior ar1 takes alpha or nats, got alpha={alpha} and nats={nats}; drop one")
        self.event_shape = event_shape
        if nats is not None:
            alpha = correlation_for(nats, event_shape[0])
            if alpha > 1 - 1e-6:
                raise ConfigError(f"prior ar1: nats={nats} over {event_shape[0]} positions needs a correlation of 1; ask for less")
        self.register_buffer("alpha", torch.tensor(0.9 if alpha is None else alpha), persistent=False)

    @property
    def committed_rate(self) -> float:
        """The least rate of an independent posterior, nats per sequence."""
        positions, latent = self.event_shape
        return latent * committed_rate(float(self.alpha), positions)

    def forward(self) -> Distribution:
        """p(z): batch `[]`, event `[N,K]`."""
        return AutoregressiveNormal(self.alpha, self.event_shape, validate_args=False)
