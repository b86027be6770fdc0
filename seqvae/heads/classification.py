"""Classification of a yes or no on the latent: binary cross entropy of a logistic regression or perceptron.

loss(z, y) = -log p(y|z),  p(1|z) = sigmoid(f(z))            in nats
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn

from seqvae.errors import DataError
from seqvae.heads.ensemble import EnsembleMlp, Prediction, Reads, labelled
from seqvae.registry import register


@register("head", "classification")
class ClassificationHead(nn.Module):
    """The probability that a property is 1, for labels 0 and 1. Arguments as the regression head's."""

    def __init__(
        self,
        event_shape: torch.Size,
        *,
        hidden: PositiveInt = 64,
        depth: NonNegativeInt = 1,
        ensemble: PositiveInt = 1,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        weight: PositiveFloat = 1.0,
        reads: Reads = "mean",
    ) -> None:
        super().__init__()
        self.weight, self.reads = weight, reads
        self.network = EnsembleMlp(event_shape, hidden, depth, ensemble, dropout)

    def standardise(self, targets: Tensor) -> None:
        """Nothing to learn; checks the labels.

        Raises:
            DataError: a label that is neither 0, 1 nor missing.
        """
        strange = targets[~(torch.isnan(targets) | (targets == 0) | (targets == 1))]
        if len(strange):
            raise DataError(f"classification needs labels 0 and 1, got {float(strange[0]):g}; use kind regression for numbers")

    def forward(self, z: Tensor) -> Tensor:
        """`[E,...]` log-odds."""
        return self.network(z)

    def in_units(self, values: Tensor) -> Tensor:
        """Labels 0 and 1, or probabilities, `[...]`, as log-odds; certainty counts as odds of 1,000 to 1."""
        return torch.logit(values, eps=1e-3)

    def loss(self, z: Tensor, target: Tensor) -> Tensor:
        """`[...]` nats, 0 where the label is missing."""
        logits = self(z)
        wanted = torch.nan_to_num(target).to(logits).expand_as(logits)
        return labelled(nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none"), target)

    def predict(self, z: Tensor) -> Prediction:
        """Mean and spread of the members' probabilities of 1."""
        members = torch.sigmoid(self(z))
        return Prediction(members.mean(0), members.var(0, correction=0).sqrt())

    def metrics(self, predicted: Tensor, target: Tensor) -> dict[str, float]:
        """`accuracy` at one half, and `log_loss` in nats, of `count` labelled records."""
        known = ~torch.isnan(target)
        chance, wanted = predicted[known].double().clamp(1e-12, 1 - 1e-12), target[known].double()
        right = (chance >= 0.5) == (wanted == 1)
        loss = nn.functional.binary_cross_entropy(chance, wanted)
        return {"count": int(known.sum()), "accuracy": float(right.double().mean()), "log_loss": float(loss)}
