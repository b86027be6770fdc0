"""What a guard may do; each does one of the three and leaves the others as they are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from seqvae.explore.goal import Goal
    from seqvae.explore.starts import Starts
    from seqvae.vae import SeqVAE


class Guard:
    """Allows everything."""

    def begin(self, vae: SeqVAE, goal: Goal, starts: Starts) -> None:
        """Take note of where the climb starts, on the support, and of what is climbed."""

    def penalty(self, z: Tensor) -> Tensor:
        """`[N]`, taken off the score (which is in standard deviations of the property); differentiable."""
        return z.new_zeros(len(z))

    def project(self, z: Tensor) -> Tensor:
        """The nearest latents `[N,*event]` that are allowed."""
        return z

    def admits(self, z: Tensor, again: Tensor) -> Tensor:
        """`[N]` bool: whether a record that was decoded from `z` and encoded as `again`, both `[N,*event]`, may be kept."""
        return torch.ones(len(z), dtype=torch.bool, device=z.device)


def norms(z: Tensor) -> Tensor:
    """Lengths `[N]` of latents `[N,*event]`, each taken as one vector."""
    return z.flatten(1).norm(dim=1)


def scaled(z: Tensor, factor: Tensor) -> Tensor:
    """Latents `[N,*event]` times a factor each, `[N]`."""
    return z * factor.view(-1, *[1] * (z.dim() - 1))
