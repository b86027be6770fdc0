"""The rate KL(q(z|x) || p(z)): how many nats the posterior sends, kept per dimension where a closed form allows.

Every cure for posterior collapse acts on this one object. Its parts are named, so that a hierarchy of latents, or a continuous
latent beside a discrete one, reports one rate each.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, kl_divergence

import seqvae.distributions.gaussian_rates  # noqa: F401  # registers a closed form


@dataclass(frozen=True)
class Rate:
    """Named rates in nats.

    parts: name -> `[B,K]` nats per dimension where the divergence factorises in closed form, `[B,1]` where only its sum has one,
        or `[S,B,1]` single-sample estimates log q(z|x) - log p(z).
    dimensions: numbers of one latent; 0 where that is not known.
    positions: N, where a part is that of a sequence of latents `[N,K]`, its dimensions one position after the other.
    """

    parts: dict[str, Tensor]
    dimensions: int = 0
    positions: int = 1

    @property
    def total(self) -> Tensor:
        """Nats per sequence: `[B]` in closed form, `[S,B]` where any part is an estimate."""
        sums = [part.sum(-1) for part in self.parts.values()]
        return torch.stack(torch.broadcast_tensors(*sums)).sum(0) if len(sums) > 1 else sums[0]

    @property
    def whole(self) -> bool:
        """Whether only the sum over several dimensions is known."""
        return self.per_dimension.shape[-1] < self.dimensions

    @property
    def estimated(self) -> bool:
        """Whether some part is no divergence but a noisy estimate of one at samples."""
        return any(part.dim() == 3 for part in self.parts.values())

    @property
    def groups(self) -> Tensor:
        """Nats of each group of latents, `[B,L]` (or `[S,B,L]`): of each part, or of a single one each position."""
        sums = [part.sum(-1) for part in self.parts.values()]
        if len(sums) > 1:
            return torch.stack(torch.broadcast_tensors(*sums), dim=-1)
        return self.per_dimension.unflatten(-1, (self.positions, -1)).sum(-1)

    @property
    def per_dimension(self) -> Tensor:
        """All parts side by side, `[B,K]` (or `[S,B,K]`), nats."""
        parts = list(self.parts.values())
        if len(parts) == 1:
            return parts[0]
        lead = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return torch.cat([part.expand(*lead, part.shape[-1]) for part in parts], dim=-1)


def rate(posterior: Distribution, prior: Distribution, z: Tensor, name: str = "z") -> Rate:
    """KL(posterior || prior), exact where torch has a registered closed form, else the estimate at `z`.

    Args:
        posterior: batch `[B]`, event `[K]` or `[N,K]`.
        prior: a distribution over the same event, batch `[]` or `[B]`.
        z: `[S,B,*event]` samples of the posterior, used only where there is no closed form.

    A new posterior gives its closed form with `torch.distributions.register_kl`; nothing here changes.
    """
    dimensions = posterior.event_shape.numel()
    if isinstance(posterior, Independent) and isinstance(prior, Independent):
        try:
            nats = kl_divergence(posterior.base_dist, prior.base_dist).flatten(1)
            return Rate({name: nats}, dimensions, posterior.event_shape[:-1].numel())
        except NotImplementedError:
            pass
    try:
        return Rate({name: kl_divergence(posterior, prior).unsqueeze(-1)}, dimensions)
    except NotImplementedError:
        return Rate({name: (posterior.log_prob(z) - prior.log_prob(z)).unsqueeze(-1)}, dimensions)
