"""Gradient ascent of many latents at once: Adam (Kingma & Ba 2015, arXiv 1412.6980) on the latents themselves.

    z <- project(z + Adam(d/dz [score(z) - sum of penalties]))

The projection is onto the support of the latents, so that a sphere is climbed on the sphere, then the guards'. Adam's step is a
function of each coordinate's own gradients, so rows do not influence one another. No gradient goes through encoder or decoder
unless a guard asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqvae.explore.guards.guard import Guard


def climb(
    score: Callable[[Tensor], Tensor],
    start: Tensor,
    guards: Sequence[Guard],
    steps: int,
    learning_rate: float,
    project: Callable[[Tensor], Tensor] = lambda z: z,
) -> Tensor:
    """The path of every latent, `[steps+1,N,*event]`, its start included.

    Args:
        score: `[N]` of latents `[N,*event]`.
        start: `[N,*event]`, on the support.
        guards: have been told of the start (`begin`).
        steps: of Adam.
        learning_rate: about the length of a coordinate's first step.
        project: onto the support; the real numbers unless told otherwise.
    """
    z = start.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([z], lr=learning_rate)
    path = [start.detach().clone()]
    with torch.enable_grad():
        for _ in range(steps):
            loss = -score(z)
            for guard in guards:
                loss = loss + guard.penalty(z)
            (z.grad,) = torch.autograd.grad(loss.sum(), z)
            optimizer.step()
            with torch.no_grad():
                z.copy_(project(z))
                for guard in guards:
                    z.copy_(guard.project(z))
            path.append(z.detach().clone())
    return torch.stack(path)
