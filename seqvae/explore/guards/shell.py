"""The prior's shell: a Gaussian in many dimensions lives at a distance from the origin, and a latent elsewhere means little.

    r_low <= |z| <= r_high,   the 0.5 % and 99.5 % quantiles of |z| under the prior

found by drawing from the prior, so that it serves every prior. A start that lies off the shell, as posterior means of a model with
few active units do, widens it for its own row: no start is ever moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor

from seqvae.explore.guards.guard import Guard, norms, scaled
from seqvae.inference import evaluating, seeded
from seqvae.registry import register

if TYPE_CHECKING:
    from seqvae.explore.goal import Goal
    from seqvae.explore.starts import Starts
    from seqvae.vae import SeqVAE

DRAWS = 65_536  # the 99.5 % quantile to about 0.01 of a standard deviation
TINY = 1e-12


@register("guard", "shell")
class PriorShell(Guard):
    """Projects onto the band of norms that holds a share of the prior.

    Args:
        share: of the prior's mass inside the band.
    """

    def __init__(self, *, share: Annotated[float, Field(gt=0, lt=1)] = 0.99) -> None:
        self.share = share

    def begin(self, vae: SeqVAE, goal: Goal, starts: Starts) -> None:
        low, high = band(vae, self.share)
        lengths = norms(starts.z)
        self.low, self.high = lengths.clamp(max=low), lengths.clamp(min=high)

    def project(self, z: Tensor) -> Tensor:
        lengths = norms(z)
        return scaled(z, lengths.clamp(self.low, self.high) / lengths.clamp(min=TINY))


def band(vae: SeqVAE, share: float) -> tuple[float, float]:
    """The norms between which `share` of the prior lies, equal tails left out; always the same for the same prior."""
    with evaluating(vae.model), seeded(0):
        lengths = norms(vae.model.prior().sample(torch.Size([DRAWS]))).double().sort().values
    tail = (1 - share) / 2
    first = round(tail * (DRAWS - 1))
    return float(lengths[first]), float(lengths[DRAWS - 1 - first])
