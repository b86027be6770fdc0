"""Where climbs start: at given records, at the best of a data set, or anywhere under the prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

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
    """

    z: Tensor
    records: list[Any]
    values: np.ndarray | None = None


def from_records(vae: SeqVAE, records: Sequence[Any]) -> Starts:
    """The posterior means of records. Errors as `vae.encode`."""
    return Starts(vae.encode(records), list(records))


def from_prior(vae: SeqVAE, count: int, seed: int | None = None) -> Starts:
    """Draws from the prior, and what they decode to greedily."""
    if count < 1:
        raise ConfigError(f"starts={count}: give at least 1")
    with seeded(seed), evaluating(vae.model):
        z = vae.model.prior().sample(torch.Size([count]))
    return Starts(z, vae.decode(z))


def best_of(vae: SeqVAE, store: SequenceStore, goal: Goal, count: int) -> Starts:
    """The records of a store that are worth most: by their own values where the store has all of the goal's properties, else by
    what the heads say of them.

    Raises:
        ConfigError: fewer than one is wanted.
        DataError: the store has no records.
    """
    if count < 1:
        raise ConfigError(f"starts={count}: give at least 1")
    if len(store) == 0:
        raise DataError(f"{store.folder} holds no records to start from")
    columns = {name: number for number, name in enumerate(store.property_names)}
    if store.properties is not None and all(name in columns for name in goal.names):
        values = np.asarray(store.properties, np.float64)[:, [columns[name] for name in goal.names]]
        worth = np.nan_to_num(goal.worth(values), nan=-np.inf)
        rows = np.argsort(-worth, kind="stable")[:count]
        return _starts(vae, store, rows, values[rows])
    means = posterior_means(vae.model, store)
    with torch.no_grad():
        rows = goal.score(means).argsort(descending=True, stable=True)[:count].cpu().numpy()
    return _starts(vae, store, rows, None)


def _starts(vae: SeqVAE, store: SequenceStore, rows: np.ndarray, values: np.ndarray | None) -> Starts:
    records = vae.codec.decode([store[row] for row in rows.tolist()])
    return Starts(vae.encode(records), records, values)
