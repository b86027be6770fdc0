"""Class conditioning: one model over several categories, p(x|z,c) (Kingma et al. 2014, arXiv 1406.5298; Sohn et al. 2015).

    told = [z, e(c)],  e(c) a learnt vector of each class, and one more of "unknown"

The vector of c stands beside the latent wherever the decoder reads that, and with `encoder` beside the encoder's features too, for
q(z|x,c). The prior stays p(z): what tells the classes apart need not be in z, which is free for what they share. A missing label
(-1) is the class "unknown". While training a share of labels is hidden, so that unknown comes to mean "any of them" and the same
model samples with a label and without, as classifier-free guidance trains (Ho & Salimans 2022, arXiv 2207.12598).
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.conditions.labels import UNKNOWN, Label, Labels, one_each
from seqvae.errors import ConfigError, DataError, nearest
from seqvae.registry import register

SHOWN = 12  # of the known names, in a message


@register("condition", "classes")
class ClassCondition(nn.Module):
    """A learnt vector of each class.

    Args:
        names: of the classes, by number; those of the data unless given.
        width: of the vectors.
        hide: share of labels hidden while training.
        encoder: whether the posterior is told the class too.

    Raises:
        ConfigError: a name that stands twice.
    """

    def __init__(
        self,
        *,
        names: tuple[str, ...] = (),
        width: PositiveInt = 32,
        hide: Annotated[float, Field(ge=0, le=1)] = 0.1,
        encoder: bool = False,
    ) -> None:
        super().__init__()
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"model.condition.names: {twice[0]!r} stands twice; give each class its own name")
        self.names, self.hide = tuple(names), hide
        self.latent_width, self.feature_width = width, width * encoder
        self.table = nn.Embedding(len(names) + 1, width)
        with torch.no_grad():
            self.table.weight[UNKNOWN].zero_()  # no class in particular, also where training never hides a label

    @staticmethod
    def learnt(config: dict[str, Any], classes: Sequence[str]) -> dict[str, Any]:
        """The configuration with the data's classes.

        Raises:
            DataError: the data has none, or others than the configuration names.
        """
        if not classes:
            raise DataError("model.condition=classes: the data has no class labels; name the column that has them in data.label")
        named = config.get("names") or classes
        if list(named) != list(classes):
            raise DataError(f"model.condition.names: the data has the classes {_listed(classes)}, not {_listed(named)}")
        return {**config, "names": list(classes)}

    def forward(self, batch: SequenceBatch) -> SequenceBatch:
        """The batch, a share of its labels hidden while the model trains."""
        if batch.labels is None or not self.training or self.hide == 0:
            return batch
        hidden = torch.rand(batch.labels.shape, device=batch.labels.device) < self.hide
        return replace(batch, labels=batch.labels.masked_fill(hidden, UNKNOWN))

    def tell(self, z: Tensor, labels: Tensor | None, rank: int) -> Tensor:
        """Latents `[...,B,*event]` with the vectors of labels `[B]`, `[...,B,*event[:-1],K+width]`; `rank` is that of the event.

        A sequence of latents has the same vector at each position. No labels at all are unknown ones.
        """
        rows = z.shape[-1 - rank]
        if labels is None:
            labels = torch.full((rows,), UNKNOWN, device=z.device)
        vectors = self.table(torch.where(labels < 0, len(self.names), labels)).to(z.dtype)  # [B,width]
        beside = vectors.view(rows, *[1] * (rank - 1), -1).expand(*z.shape[:-1], -1)
        return torch.cat([z, beside], dim=-1)

    def inform(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Features `[B,H]` with the vectors of labels `[B]`, where the posterior is told the class."""
        return self.tell(features, labels, 1) if self.feature_width else features

    def labels(self, given: Labels, count: int) -> Tensor | None:
        """What a user says of `count` records, as int64 `[count]` on the CPU; None where nothing is said.

        Raises:
            ConfigError: an unknown class, by name or by number, or not one for each record.
        """
        if given is None:
            return None
        return torch.tensor([self._number(label) for label in one_each(given, count)], dtype=torch.int64)

    def _number(self, label: Label) -> int:
        if label is None:
            return UNKNOWN
        if label in self.names:
            return self.names.index(label)
        # a string of digits is a number unless it could be a name: among ratings 1, 3 and 5 there is no "0"
        counted = isinstance(label, numbers.Integral) or (str(label).isdecimal() and not all(map(str.isdecimal, self.names)))
        number = int(label) if counted else None
        if number is None:
            raise ConfigError(f"label={label!r:.60}: no such class; {nearest(str(label), self.names)}")
        if not UNKNOWN <= number < len(self.names):
            raise ConfigError(
                f"label={number}: this model has {len(self.names)} classes, 0 to {len(self.names) - 1} ({_listed(self.names)})"
            )
        return number


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
