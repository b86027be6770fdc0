"""Optimisers, as parts: `adamw` (fused) and `sgd` (the published LSTM-VAE recipe, with plateau decay)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from pydantic import Field, PositiveFloat
from torch import nn

from seqvae.learning_rates import rate_scale
from seqvae.registry import register

NonNegative = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


@register("optimizer", "adamw")
class AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101), fused: one kernel for all parameters.

    Args:
        lr: learning rate.
        betas: decay of the two moments.
        weight_decay: decoupled; vectors (biases, gains) are spared.
    """

    def __init__(
        self, *, lr: PositiveFloat = 1e-3, betas: tuple[Momentum, Momentum] = (0.9, 0.999), weight_decay: NonNegative = 0.0
    ) -> None:
        self.lr, self.betas, self.weight_decay = lr, betas, weight_decay

    def __call__(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser over `parameters`."""
        groups = [
            {**group, "weight_decay": decay, "params": chosen}
            for group in by_rate(parameters, self.lr)
            for decay, matrices in ((self.weight_decay, True), (0.0, False))
            if (chosen := [p for p in group["params"] if (p.dim() > 1) is matrices])
        ]
        return torch.optim.AdamW(groups, lr=self.lr, betas=(self.betas[0], self.betas[1]), fused=True)


@register("optimizer", "sgd")
class Sgd:
    """Stochastic gradient descent.

    Args:
        lr: learning rate; 0.5 to 1.0 in the published LSTM-VAE recipes, for losses averaged over sentences.
        momentum: heavy-ball momentum.
        weight_decay: L2 penalty.
    """

    def __init__(self, *, lr: PositiveFloat = 1.0, momentum: Momentum = 0.0, weight_decay: NonNegative = 0.0) -> None:
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay

    def __call__(self, parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimiser over `parameters`."""
        return torch.optim.SGD(
            by_rate(parameters, self.lr), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay, fused=True
        )


def by_rate(parameters: Sequence[nn.Parameter], lr: float) -> list[dict[str, Any]]:
    """The parameters in groups of one learning rate each, the fastest first."""
    scales = sorted({rate_scale(p) for p in parameters}, reverse=True)
    return [{"params": [p for p in parameters if rate_scale(p) == scale], "lr": lr * scale} for scale in scales]
