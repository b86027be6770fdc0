"""Retrieval: does a reconstruction, encoded again, find the record that it was made of?

    z_i = E[z|x_i]    x'_i = decode(z_i)    z'_i = E[z|x'_i]
    top-k = the share of i with z_i among the k nearest of z_1..z_N to z'_i

It judges where copies cannot be compared point by point: two good copies of a drawing need not have a point in common. The
literature of sketches calls it Ret, over a test set of 2,500 (there with a separate encoder of pictures; here the model reads its
own sequences, so that numbers compare models less well than one model's epochs). A decoder that does not listen has k/N, so a
number means nothing without the size N of its gallery. A record that recurs in the gallery may be found in its twin's stead, and
then counts as missed unless it comes first.

A model that is told a record's class need not listen to z to write something of that class. Its records look for their own among
those of their class, and N is the mean size of the classes: then k/N is chance again.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqvae.distributions import support
from seqvae.encoding import posterior_of_written
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.neighbours import Metric, nearest_neighbours

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE

TOP = (1, 10, 50)
GALLERY = 2500


def retrieval_metrics(
    vae: SeqVAE,
    rows: np.ndarray,
    means: Tensor,
    written: Sequence[np.ndarray],
    labels: Tensor | None = None,
    *,
    gallery: int = GALLERY,
    precision: Precision | None = None,
) -> dict[str, float]:
    """`retrieval_gallery`, N, and the shares `retrieval_top1`, `_top10` and `_top50`; nothing of a record that is alone.

    A share is left out where not every gallery has more than k records.

    Args:
        vae: gives model and codec.
        rows: `[n]`, each record's row in its store.
        means: `[n,*event]` posterior means.
        written: what these decode to.
        labels: the records' classes `[n]`, -1 where unknown, for a model that is told them.
        gallery: the most records to ask, and to look among: those with the lowest rows.
        precision: see `measuring`.
    """
    chosen = np.argsort(rows, kind="stable")[:gallery]
    told = None if labels is None else labels[torch.from_numpy(chosen)]
    galleries = _galleries(len(chosen), told if vae.model.condition.names else None)
    if not galleries:
        return {}
    sent = vae.model.project(means[torch.from_numpy(chosen).to(means.device)])
    with measuring(vae.model, 0, precision):
        posterior = posterior_of_written(vae.model, vae.codec, [written[place] for place in chosen], told)
        returned = vae.model.project(posterior.mean).to(sent)
    tops = [k for k in TOP if k < min(map(len, galleries))]
    metric = support.metric_of(vae.model.posterior)
    own = torch.cat([_own(returned[members], sent[members], tops[-1], metric) for members in galleries])
    shares = {f"retrieval_top{k}": float(own[:, :k].any(dim=1).double().mean()) for k in tops}
    return {"retrieval_gallery": mean(map(len, galleries)), **shares}


def _galleries(count: int, labels: Tensor | None) -> list[Tensor]:
    """Which of `count` records look among one another: all, or those of a class; a lone one has nobody to be mistaken for."""
    alike = torch.zeros(count) if labels is None else labels
    galleries = [(alike == label).nonzero().flatten() for label in alike.unique()]
    return [members for members in galleries if len(members) > 1]


def _own(returned: Tensor, sent: Tensor, k: int, metric: Metric) -> Tensor:
    """`[N,k]` bool: whether the nearest, second, ... of `sent [N,*event]` to each of `returned [N,*event]` is its own."""
    nearest = nearest_neighbours(returned, sent, k, metric).rows
    return nearest == torch.arange(len(sent), device=nearest.device)[:, None]
