"""Nearest neighbours among latents, block by block: a million of them need no matrix of all pairs.

    euclidean   |a - b|
    cosine      1 - <a,b> / (|a| |b|) = |a/|a| - b/|b||^2 / 2

Vectors are subtracted, not expanded to |a|^2 + |b|^2 - 2<a,b>: so a copy is at distance 0 exactly, equal vectors are equally far
wherever they stand, and of equally far ones the first comes first.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seqvae.errors import ConfigError

Metric = Literal["euclidean", "cosine"]
BLOCK = 2**21  # distances held at a time: 8 MB, and 16 MB of keys
QUERIES = 256  # of them for so many queries together
INDEX_BITS = 32


class Neighbours(NamedTuple):
    """The nearest of a gallery to each query, the nearest first.

    Shapes:
        rows: `[Q,k]` int64, of the gallery.
        distances: `[Q,k]` float32.
    """

    rows: Tensor
    distances: Tensor


@torch.no_grad()
def nearest_neighbours(queries: Tensor, gallery: Tensor, k: int, metric: Metric = "euclidean") -> Neighbours:
    """The `k` nearest of `gallery [N,*event]` to each of `queries [Q,*event]`; equally far ones in the order of their rows.

    Time O(Q N K), memory O(Q k + N K).

    Raises:
        ConfigError: k below 1, or above N.
    """
    if not 1 <= k <= len(gallery):
        raise ConfigError(f"k={k}: there are {len(gallery):,} to choose among; give 1 to {len(gallery)}")
    a, b = (_prepared(vectors, metric) for vectors in (queries, gallery))
    keys = torch.cat([_best_keys(part, b, k) for part in a.split(QUERIES)])
    distance = (keys >> INDEX_BITS).int().view(torch.float32)
    return Neighbours(keys & (2**INDEX_BITS - 1), distance.square() / 2 if metric == "cosine" else distance)


def _prepared(vectors: Tensor, metric: Metric) -> Tensor:
    """`[N,K]` float32, of length one where only directions count."""
    flat = vectors.detach().flatten(1).float()
    return functional.normalize(flat, dim=1) if metric == "cosine" else flat


def _best_keys(queries: Tensor, gallery: Tensor, k: int) -> Tensor:
    """`[Q,k]` the least keys in ascending order.

    A key is a distance and a row in one whole number: the bits of a float that is not negative grow with its value, and the row
    below them decides between equals.
    """
    best = torch.empty(len(queries), 0, dtype=torch.int64, device=queries.device)
    width = max(k, BLOCK // max(1, len(queries)))
    for start in range(0, len(gallery), width):
        part = gallery[start : start + width]
        distance = torch.cdist(queries, part, compute_mode="donot_use_mm_for_euclid_dist")  # [Q,width]
        row = torch.arange(start, start + len(part), device=distance.device)
        keys = torch.cat([best, (distance.view(torch.int32).long() << INDEX_BITS) | row], dim=1)
        best = keys.topk(min(k, keys.shape[1]), dim=1, largest=False).values
    return best
