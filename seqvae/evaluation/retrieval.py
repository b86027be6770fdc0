"""Retrieval: does a reconstruction, encoded again, find the record that it was made of?

    z_i = E[z|x_i]    x'_i = decode(z_i)    z'_i = E[z|x'_i]
    top-k = the share of i with z_i among the k nearest of z_1..z_N to z'_i

It judges where copies cannot be compared point by point: two good copies of a drawing need not have a point in common. The
literature of sketches calls it Ret, over a test set of 2,500 (there with a separate encoder of pictures; here the model reads its
own sequences, so that numbers compare models less well than one model's epochs). A decoder that does not listen has k/N, so a
number means nothing without the size N of its gallery. A record that recurs in the gallery may be found in its twin's stead, and
then counts as missed unless it comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from seqvae.distributions import support
from seqvae.encoding import posterior_of_written
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.neighbours import nearest_neighbours

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
    """`retrieval_gallery`, N, and the shares `retrieval_top1`, `_top10` and `_top50` as far as k < N; nothing of a single record.

    Args:
        vae: gives model and codec.
        rows: `[n]`, each record's row in its store.
        means: `[n,*event]` posterior means.
        written: what these decode to.
        labels: the records' classes `[n]`, for an encoder that is told them.
        gallery: the most records to ask, and to look among: those with the lowest rows.
        precision: see `measuring`.
    """
    chosen = np.argsort(rows, kind="stable")[:gallery]
    if len(chosen) < 2:
        return {}
    sent = vae.model.project(means[torch.from_numpy(chosen).to(means.device)])
    with measuring(vae.model, 0, precision):
        told = None if labels is None else labels[torch.from_numpy(chosen)]
        posterior = posterior_of_written(vae.model, vae.codec, [written[place] for place in chosen], told)
        returned = vae.model.project(posterior.mean).to(sent)
    nearest = nearest_neighbours(returned, sent, min(max(TOP), len(sent)), support.metric_of(vae.model.posterior)).rows
    own = nearest == torch.arange(len(sent), device=nearest.device)[:, None]  # [N,k]
    shares = {f"retrieval_top{k}": float(own[:, :k].any(dim=1).double().mean()) for k in TOP if k < len(sent)}
    return {"retrieval_gallery": len(sent), **shares}
