"""Regression of a number on the latent: squared error in standard deviations of the training labels.

    loss(z, y) = (f(z) - (y - mean) / scale)^2 / 2

which is the Gaussian negative log likelihood in nats, less its constant, at unit variance (the joint property head of
Gomez-Bombarelli et al. 2018, arXiv 1610.02415).
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.distributions.constraints import Constraint

from seqvae.heads.ensemble import Reads
from seqvae.heads.head import Head
from seqvae.registry import register


@register("head", "regression")
class RegressionHead(Head):
    """A number predicted from the latent.

    Args:
        event_shape: of one latent.
        support: where latents live, see `Head`.
        hidden, depth: of the perceptron.
        ensemble: members; five or so give an uncertainty worth having.
        dropout: in the perceptron.
        weight: of the loss in joint training, against nats of the ELBO.
        reads: the posterior's mean, or a sample, in joint training.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        event_shape: torch.Size,
        support: Constraint | None = None,
        *,
        hidden: PositiveInt = 64,
        depth: NonNegativeInt = 2,
        ensemble: PositiveInt = 1,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        weight: PositiveFloat = 1.0,
        reads: Reads = "mean",
    ) -> None:
        super().__init__(event_shape, support, hidden, depth, ensemble, dropout, weight, reads)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def standardise(self, targets: Tensor) -> None:
        """Learn mean and standard deviation of labels `[N]`, NaN left out; labels that are all one keep their own unit."""
        known = targets[~torch.isnan(targets)].double()
        spread = float(known.std(correction=0))
        self.mean.fill_(float(known.mean()))
        self.scale.fill_(spread if spread > 0 else 1.0)

    def in_units(self, values: Tensor) -> Tensor:
        """Values `[...]` in standard deviations of the training labels."""
        return (values - self.mean.to(values)) / self.scale.to(values)

    def from_units(self, said: Tensor) -> Tensor:
        """Standard deviations back to values."""
        return said * self.scale + self.mean

    def nats(self, said: Tensor, target: Tensor) -> Tensor:
        """Half the squared error in standard deviations, `[E,...]`."""
        return 0.5 * (said - self.in_units(target)).square()

    def metrics(self, predicted: Tensor, target: Tensor) -> dict[str, float]:
        """`mae` in the property's unit and `r2`, 1 - squared error over variance (none for a constant), of `count` records."""
        known = ~torch.isnan(target)
        error, wanted = (predicted - target)[known].double(), target[known].double()
        found = {"count": int(known.sum()), "mae": float(error.abs().mean())}
        variation = float((wanted - wanted.mean()).square().sum())
        return found | ({"r2": 1 - float(error.square().sum()) / variation} if variation > 0 else {})
