"""How well the heads read properties off the posterior mean, on records that they have not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqvae.data.store import SequenceStore
from seqvae.heads.property_heads import PropertyHeads, target_of


def property_metrics(heads: PropertyHeads, store: SequenceStore, rows: np.ndarray, means: Tensor) -> dict[str, dict[str, Any]]:
    """By property: `count`, and `mae` and `r2`, or `accuracy` and `log_loss`; of the heads whose property the store holds.

    Args:
        heads: of the model that gave `means`.
        store: the records.
        rows: `[N]`, the row of each mean in the store.
        means: `[N,*event]` posterior means.
    """
    columns = {name: number for number, name in enumerate(store.property_names)}
    order = torch.from_numpy(rows)
    properties, labels = (None if held is None else held[order] for held in (store.property_tensor, store.label_tensor))
    found = {}
    with torch.no_grad():
        for name in heads:
            target = target_of(name, columns, properties, labels)
            if target is not None and not bool(torch.isnan(target).all()):
                head = heads[name]
                predicted = head.predict(means).mean
                found[name] = head.metrics(predicted, target.to(predicted))
    return found
