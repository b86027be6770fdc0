"""Means of what training reports, over the steps since the last report."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqvae.objectives.loss import Loss


class Window:
    """Sums since the last report; tensors stay on the device until they are asked for."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.scalars: dict[str, float] = {}
        self.steps = self.sequences = self.tokens = 0
        self.seconds = 0.0

    def add(self, losses: Sequence[Loss], tokens: int, seconds: float) -> None:
        """Take in the losses of one step."""
        for loss in losses:
            for name, values in {"loss": loss.per_sequence.detach(), **loss.terms}.items():
                self.sums[name] = self.sums.get(name, torch.zeros((), device=values.device)) + values.sum()
            self.sequences += len(loss.per_sequence)
            self.scalars = loss.scalars
        self.steps, self.tokens, self.seconds = self.steps + 1, self.tokens + tokens, self.seconds + seconds

    def means(self) -> dict[str, float]:
        """Nats per sequence since the last report, the last scalars, and tokens per second."""
        means = {name: float(total) / max(1, self.sequences) for name, total in self.sums.items()}
        return {**means, **self.scalars, "tokens_per_second": self.tokens / max(self.seconds, 1e-9)}
