"""The heads of one model, by the name of the property that each predicts; a model may have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError, DataError, nearest
from seqvae.heads.ensemble import Prediction

LABEL = "label"  # the head of this name reads a batch's class labels, where no property is called so


class PropertyHeads(nn.Module):
    """Any number of heads.

    Args:
        heads: each by its property's name.

    Raises:
        ConfigError: a name that torch keeps for itself.
    """

    def __init__(self, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        taken = [name for name in heads if hasattr(nn.ModuleDict(), name)]
        if taken:
            raise ConfigError(f"model.heads.{taken[0]}: a head cannot be called {taken[0]!r}; call the property {taken[0] + '_'!r}")
        self.by_name: Any = nn.ModuleDict(heads)
        self.columns: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.by_name)

    def __iter__(self) -> Any:
        return iter(self.by_name)

    def __getitem__(self, name: str) -> Any:
        """The head of a property.

        Raises:
            ConfigError: there is none; names the nearest, or how to get one.
        """
        if not len(self):
            raise ConfigError(f"this model has no head for {name!r}, nor any; fit one with: seqvae fit-heads RUN --property {name}")
        if name not in self.by_name:
            raise ConfigError(f"this model has no head for {name!r}; {nearest(name, self.by_name)}")
        return self.by_name[name]

    def updated(self, heads: Mapping[str, nn.Module]) -> PropertyHeads:
        """These heads and `heads`, which replace those of the same names.

        Raises:
            ConfigError: a name that torch keeps for itself.
        """
        return PropertyHeads({**self.by_name, **heads})

    def supervise(self, names: Sequence[str], properties: Tensor | None, labels: Tensor | None) -> None:
        """Learn each head's unit from the training split, and from then on know its column in a batch.

        Args:
            names: of the columns of `properties`.
            properties: `[N,P]`, NaN where missing, or None.
            labels: `[N]` int64 class labels, -1 where missing, or None.

        Raises:
            DataError: a head whose property the data has not, or has no value of.
        """
        self.columns = {name: number for number, name in enumerate(names)}
        for name in self:
            targets = target_of(name, self.columns, properties, labels)
            if targets is None:
                raise DataError(
                    f"model.heads.{name}: the data has no property {name!r} (it has {', '.join(names) or 'none'}); name its column "
                    "in data.properties, or have it computed by data.computed"
                )
            check_ordered(name, self.columns, self[name])
            if bool(torch.isnan(targets).all()):
                raise DataError(f"model.heads.{name}: every value of {name!r} is missing; nothing to learn from")
            if bool(torch.isinf(targets).any()):
                raise DataError(f"model.heads.{name}: a value of {name!r} is infinite; mend it, or leave it empty")
            self[name].standardise(targets)

    def losses(self, posterior: Distribution, z: Tensor, batch: SequenceBatch) -> dict[str, Tensor]:
        """Each head's loss times its weight, `[B]` nats per sequence; of the heads that the batch has labels for.

        Shapes:
            posterior: q(z|x), batch `[B]`; z: `[S,B,*event]`, samples of it.
        """
        found = {}
        for name, head in self.by_name.items():
            target = target_of(name, self.columns, batch.properties, batch.labels)
            if target is not None:
                read = posterior.mean[None] if head.reads == "mean" else z
                found[name] = head.weight * head.loss(read, target.expand(len(read), -1)).mean(0)
        return found

    def predict(self, z: Tensor) -> dict[str, Prediction]:
        """What every head says of latents `[...,*event]`."""
        return {name: head.predict(z) for name, head in self.by_name.items()}


def check_ordered(name: str, columns: Mapping[str, int], head: Any) -> None:
    """Refuse a head, or class of heads, that would take the number of a class for a quantity: it is its place in the alphabet.

    Raises:
        DataError: such a head for `label`, where no column of `columns` is called so.
    """
    if name == LABEL and name not in columns and head.ordered:
        raise DataError(
            f"model.heads.{LABEL}: the number of a class is no quantity to predict; use kind=classification where there are two "
            "classes, or name a column of numbers in data.properties"
        )


def target_of(name: str, columns: Mapping[str, int], properties: Tensor | None, labels: Tensor | None) -> Tensor | None:
    """What a head of this name is to predict, `[N]` float, NaN where missing; None where the data does not say.

    Args:
        name: the property's, or `label`.
        columns: the column of each property.
        properties: `[N,P]`; labels: `[N]` int64, -1 where missing; or None.
    """
    if name in columns and properties is not None:
        return properties[:, columns[name]]
    if name == LABEL and labels is not None:
        return torch.where(labels < 0, torch.nan, labels.float())
    return None
