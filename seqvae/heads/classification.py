"""Classification of a yes or no on the latent: binary cross entropy of a logistic regression or perceptron.

loss(z, y) = -log p(y|z),  p(1|z) = sigmoid(f(z))            in nats
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.distributions.constraints import Constraint

from seqvae.errors import DataError
from seqvae.heads.ensemble import Reads
from seqvae.heads.head import Head
from seqvae.registry import register


@register("head", "classification")
class ClassificationHead(Head):
    """The probability that a property is 1, for labels 0 and 1. Arguments as the regression head's."""

    ordered = False

    def __init__(
        self,
        event_shape: torch.Size,
        support: Constraint | None = None,
        *,
        hidden: PositiveInt = 64,
        depth: NonNegativeInt = 1,
        ensemble: PositiveInt = 1,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        weight: PositiveFloat = 1.0,
        reads: Reads = "mean",
    ) -> None:
        super().__init__(event_shape, support, hidden, depth, ensemble, dropout, weight, reads)

    def standardise(self, targets: Tensor) -> None:
        """Nothing to learn; checks the labels.

        Raises:
            DataError: a label that is neither 0, 1 nor missing.
        """
        strange = targets[~(torch.isnan(targets) | (targets == 0) | (targets == 1))]
        if len(strange):
            raise DataError(
                f"classification tells two classes apart, 0 and 1, got {float(strange[0]):g}; to predict a number use "
                "kind=regression on a column that data.properties names"
            )

    def in_units(self, values: Tensor) -> Tensor:
        """Labels 0 and 1, or probabilities, `[...]`, as log-odds; certainty counts as odds of 1,000 to 1."""
        return torch.logit(values, eps=1e-3)

    def from_units(self, said: Tensor) -> Tensor:
        """Log-odds as probabilities of 1."""
        return torch.sigmoid(said)

    def nats(self, said: Tensor, target: Tensor) -> Tensor:
        """Binary cross entropy of log-odds `[E,...]` with labels `[...]`."""
        wanted = target.to(said).expand_as(said)
        return nn.functional.binary_cross_entropy_with_logits(said, wanted, reduction="none")

    def metrics(self, predicted: Tensor, target: Tensor) -> dict[str, float]:
        """`accuracy` at one half, and `log_loss` in nats, of `count` labelled records."""
        known = ~torch.isnan(target)
        chance, wanted = predicted[known].double().clamp(1e-12, 1 - 1e-12), target[known].double()
        right = (chance >= 0.5) == (wanted == 1)
        loss = nn.functional.binary_cross_entropy(chance, wanted)
        return {"count": int(known.sum()), "accuracy": float(right.double().mean()), "log_loss": float(loss)}
