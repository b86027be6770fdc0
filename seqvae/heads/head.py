"""What heads do alike: an ensemble says a number, in units in which properties compare, and a kind of head what that means."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.distributions.constraints import Constraint

from seqvae.distributions.support import project
from seqvae.heads.ensemble import EnsembleMlp, Prediction, Reads


class Head(nn.Module, ABC):
    """An ensemble of perceptrons on the latent.

    Args:
        event_shape: of one latent.
        support: where latents live. On a sphere the head reads the nearest point of it, as the decoder does: the mean of a
            posterior lies inside, the further the less concentrated it is.
        hidden, depth, ensemble, dropout: see `EnsembleMlp`.
        weight: of the loss in joint training, against nats of the ELBO.
        reads: the posterior's mean, or a sample, in joint training.

    Attributes:
        ordered: whether it takes targets for numbers, of which one may lie between two others.
    """

    ordered = True

    def __init__(
        self,
        event_shape: torch.Size,
        support: Constraint | None,
        hidden: int,
        depth: int,
        ensemble: int,
        dropout: float,
        weight: float,
        reads: Reads,
    ) -> None:
        super().__init__()
        self.support = support
        self.weight, self.reads = weight, reads
        self.network = EnsembleMlp(event_shape, hidden, depth, ensemble, dropout)

    def forward(self, z: Tensor) -> Tensor:
        """`[E,...]` in the head's units: what each member says of latents `[...,*event]`."""
        said: Tensor = self.network(project(self, z))
        return said

    def loss(self, z: Tensor, target: Tensor) -> Tensor:
        """`[...]` nats, averaged over members; 0 where the label is missing, and no gradient from there."""
        nats = self.nats(self(z), torch.nan_to_num(target))
        return torch.where(torch.isnan(target), 0.0, nats.mean(0))

    def predict(self, z: Tensor) -> Prediction:
        """Mean and spread over the members, in the property's unit."""
        members = self.from_units(self(z))
        return Prediction(members.mean(0), members.var(0, correction=0).sqrt())

    @abstractmethod
    def standardise(self, targets: Tensor) -> None:
        """Learn the unit from labels `[N]`, NaN where missing."""

    @abstractmethod
    def in_units(self, values: Tensor) -> Tensor:
        """Values in the property's unit, `[...]`, in the head's."""

    @abstractmethod
    def from_units(self, said: Tensor) -> Tensor:
        """The inverse of `in_units`."""

    @abstractmethod
    def nats(self, said: Tensor, target: Tensor) -> Tensor:
        """What `said` `[E,...]` in the head's units costs against labels `[...]` in the property's, `[E,...]`."""

    @abstractmethod
    def metrics(self, predicted: Tensor, target: Tensor) -> dict[str, float]:
        """How good predictions `[N]` are, of the records whose label `[N]` is not missing."""
