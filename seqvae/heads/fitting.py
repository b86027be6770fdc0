"""Fitting heads to latents that stay as they are: the autoencoder is frozen, its latents are computed once.

Mini-batch Adam with the learning rate falling to zero along a cosine: a perceptron of some thousand weights needs no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions.constraints import Constraint

from seqvae import registry
from seqvae.errors import DataError

LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-4
BATCH = 512


def fit_heads(
    configs: Mapping[str, Any],
    event_shape: torch.Size,
    z: Tensor,
    targets: Mapping[str, Tensor],
    steps: int = 2000,
    support: Constraint | None = None,
) -> dict[str, nn.Module]:
    """A new head for each property of `targets`, as its configuration in `configs` says, fitted as by `fit_head`, on latents of a
    `support`."""
    wanted = {name: config for name, config in configs.items() if name in targets}
    heads = registry.build_named("head", wanted, event_shape, support=support)
    for name, head in heads.items():
        fit_head(head.to(z.device), z, targets[name], steps)
    return heads


def fit_head(head: Any, z: Tensor, targets: Tensor, steps: int = 2000) -> None:
    """Fit one head in place; chance comes from torch's global generator.

    Args:
        head: any registered one; left in evaluation mode.
        z: latents `[N,*event]`, on the head's device.
        targets: `[N]`, NaN where missing.
        steps: of Adam.

    Raises:
        DataError: no label at all, or labels that the head cannot use.
    """
    targets = targets.to(z.device, torch.float32)
    known = ~torch.isnan(targets)
    if not bool(known.any()):
        raise DataError("every value of the property is missing; nothing to learn from")
    if bool(torch.isinf(targets).any()):
        raise DataError("a value of the property is infinite; mend it, or leave it empty")
    z, targets = z[known].detach(), targets[known]
    head.standardise(targets)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    head.train()
    with torch.enable_grad():
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            rows = torch.randint(len(z), (min(BATCH, len(z)),), device=z.device)
            optimizer.zero_grad(set_to_none=True)
            head.loss(z[rows], targets[rows]).mean().backward()
            optimizer.step()
    head.eval()
