"""Where climbs start: at given records, at the best of a data set, or anywhere under the prior.

Of a model that is told classes each climb keeps to its start's: what comes of it is decoded as of that class, encoded again as of
that class, and judged so. `Starts` is where the class is carried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqvae.conditions.labels import UNKNOWN, Label, Labels
from seqvae.encoding import posterior_means
from seqvae.errors import ConfigError, DataError
from seqvae.inference import evaluating, seeded

if TYPE_CHECKING:
    from seqvae.data.store import SequenceStore
    from seqvae.explore.goal import Goal
    from seqvae.vae import SeqVAE


@dataclass(frozen=True)
class Starts:
    """Latents, and the records that they stand for.

    Shapes:
        z: `[N,*event]`.
        records: N.
        values: `[N,P]` of the goal's properties where they are known already, NaN elsewhere; or None.
        labels: `[N]` int64, the records' classes, -1 where unknown; or None.
    """

    z: Tensor
    records: list[Any]
    values: np.ndarray | None = None
    labels: Tensor | None = None

    @property
    def told(self) -> Tensor:
        """What a model is told of each, `[N]` int64: its class, -1 where unknown."""
        return torch.full((len(self.records),), UNKNOWN) if self.labels is None else self.labels

    def at(self, rows: np.ndarray) -> Starts:
        """Those at `rows [M]`."""
        index = torch.from_numpy(rows)
        values = None if self.values is None else self.values[rows]
        return Starts(self.z[index.to(self.z.device)], [self.records[row] for row in rows.tolist()], values, self.told[index])


def from_records(vae: SeqVAE, records: Sequence[Any], labels: Labels = None) -> Starts:
    """The posterior means of records. Arguments and errors as `vae.encode`."""
    told = vae.model.condition.labels(labels, len(records))
    return Starts(vae.encode(records, labels=labels), list(records), labels=told)


def from_prior(vae: SeqVAE, count: int, seed: int | None = None, labels: Labels = None) -> Starts:
    """Draws from the prior, and what they decode to greedily, as of classes `labels` if any.

    Raises:
        ConfigError: fewer than one is wanted; labels that the model does not know.
    """
    if count < 1:
        raise ConfigError(f"starts={count}: give at least 1")
    told = vae.model.condition.labels(labels, count)
    with seeded(seed), evaluating(vae.model):
        z = vae.model.prior().sample(torch.Size([count]))
    return Starts(z, vae.decode(z, labels=told), labels=told)


def best_of(vae: SeqVAE, store: SequenceStore, goal: Goal, count: int, label: Label = None) -> Starts:
    """The records of a store that are worth most: by their own values where the store has all of the goal's properties, else by
    what the heads say of them.

    Args:
        vae: whose latents are climbed.
        store: records, and the classes of each for a model that is told them.
        goal: what they are to be worth.
        count: how many, or as many as there are.
        label: look among the records of this class alone.

    Raises:
        ConfigError: fewer than one is wanted; a class that the model does not know.
        DataError: the store has no records, or none of the class.
    """
    if count < 1:
        raise ConfigError(f"starts={count}: give at least 1")
    if len(store) == 0:
        raise DataError(f"{store.folder} holds no records to start from")
    values = _known_values(store, goal.names)
    if values is None:
        with torch.no_grad():
            worth = goal.score(posterior_means(vae.model, store)).cpu().numpy()
    else:
        worth = goal.worth(values)
    among = _of_class(vae, store, label)
    order = np.argsort(-np.nan_to_num(worth[among], nan=-np.inf), kind="stable")
    return _starts(vae, store, among[order[:count]], values)


def _known_values(store: SequenceStore, names: Sequence[str]) -> np.ndarray | None:
    """`[N,P]` float64 of a store's properties by name, or None where it does not have them all."""
    columns = {name: number for number, name in enumerate(store.property_names)}
    if store.properties is None or any(name not in columns for name in names):
        return None
    return np.asarray(store.properties, np.float64)[:, [columns[name] for name in names]]


def _of_class(vae: SeqVAE, store: SequenceStore, label: Label) -> np.ndarray:
    """The rows of a store's records of a class; all of them where none is named."""
    wanted = vae.model.condition.labels(label, 1)
    if wanted is None:
        return np.arange(len(store))
    rows = np.flatnonzero(np.asarray(store.labels) == int(wanted))
    if not len(rows):
        raise DataError(f"{store.folder} holds no record of class {label}; start from another, from records, or from the prior")
    return rows


def _starts(vae: SeqVAE, store: SequenceStore, rows: np.ndarray, values: np.ndarray | None) -> Starts:
    """The records at `rows` of a store, each of its own class; `values [N,P]` are of the whole store."""
    records = vae.codec.decode([store[row] for row in rows.tolist()])
    labels = store.labels_of(rows) if vae.classes else None
    return Starts(vae.encode(records, labels=labels), records, None if values is None else values[rows], labels)
