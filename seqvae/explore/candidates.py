"""What climbed latents decode to: records in their canonical form, each once a start, with what may be said of them.

A modality may offer `canonical(record)` (None for a record that is none) and `similarity(a, b)`; without them a record stands for
itself, and similarity is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqvae.data.computed import canonical
from seqvae.data.splits import digest_of
from seqvae.errors import DataError
from seqvae.generation.rules import Greedy, SamplingRule

if TYPE_CHECKING:
    from seqvae.explore.guards.guard import Guard
    from seqvae.explore.starts import Starts
    from seqvae.likelihoods.categorical import Rule
    from seqvae.vae import SeqVAE


@dataclass(frozen=True)
class Candidates:
    """Valid records, other than their starts'.

    Shapes, C candidates:
        records: C.
        start: `[C]` int64, the row of each one's start.
        z: `[C,*event]`, decoded from; again: `[C,*event]`, encoded as.
        similarity: `[C]` to the start, 0 to 1, NaN where the modality cannot say.
    """

    records: list[Any]
    start: np.ndarray
    z: Tensor
    again: Tensor
    similarity: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def where(self, keep: np.ndarray) -> Candidates:
        """Those that `keep [C]` bool marks."""
        rows = np.flatnonzero(keep)
        index = torch.from_numpy(rows).to(self.z.device)
        return Candidates(
            [self.records[i] for i in rows], self.start[rows], self.z[index], self.again[index], self.similarity[rows]
        )


def decoded(vae: SeqVAE, z: Tensor, starts: Starts, draws: int, temperature: float, seed: int | None) -> Candidates:
    """The greedy decode of every latent, and `draws` sampled ones, each of its start's class.

    Args:
        vae: the model.
        z: `[P,N,*event]`, P points on the way of each of N starts.
        starts: the N.
        draws: sampled decodes of each latent.
        temperature: of these.
        seed: of these.
    """
    flat, told = z.flatten(0, 1), starts.told.repeat(len(z))
    rules: list[Rule] = [Greedy(), *[SamplingRule(temperature)] * draws]
    found: dict[tuple[int, int], tuple[Any, int]] = {}
    own = [_key(canonical(vae.modality, record)) for record in starts.records]
    for number, rule in enumerate(rules):
        for row, record in enumerate(vae.decode(flat, rule, seed=None if seed is None else seed + number, labels=told)):
            form, start = canonical(vae.modality, record), row % len(own)
            key = (start, _key(form))
            if form is not None and key[1] != own[start]:
                found.setdefault(key, (form, row))
    return _candidates(vae, flat, starts, [(start, record, row) for (start, _), (record, row) in found.items()])


def admitted(candidates: Candidates, guards: Sequence[Guard], least: float | None) -> Candidates:
    """Those that every guard admits and that are as similar to their start as is asked for."""
    keep = np.ones(len(candidates), dtype=bool)
    for guard in guards:
        keep &= guard.admits(candidates.z, candidates.again).cpu().numpy()
    if least is not None:
        keep &= candidates.similarity >= least
    return candidates.where(keep)


def similarity(modality: Any, a: Sequence[Any], b: Sequence[Any]) -> np.ndarray:
    """`[N]` of pairs, NaN where the modality cannot say."""
    if not hasattr(modality, "similarity") or not len(a):
        return np.full(len(a), np.nan)
    return np.asarray(modality.similarity(a, b), np.float64)


def _candidates(vae: SeqVAE, z: Tensor, starts: Starts, found: list[tuple[int, Any, int]]) -> Candidates:
    """Those of the found (start, record, row of z) that can be encoded again, as of their start's class."""
    told = starts.told.tolist()
    unique = {(_key(record), told[start]): record for start, record, _ in found}
    encoded = encodable(vae, list(unique.values()), [label for _, label in unique])
    again = {key: latent for key, latent in zip(unique, encoded, strict=True) if latent is not None}
    kept = [(start, record, row) for start, record, row in found if (_key(record), told[start]) in again]
    rows = torch.tensor([row for _, _, row in kept], dtype=torch.int64, device=z.device)
    records = [record for _, record, _ in kept]
    latents = [again[_key(record), told[start]] for start, record, _ in kept]
    return Candidates(
        records,
        np.array([start for start, _, _ in kept], dtype=np.int64),
        z[rows],
        torch.stack(latents) if latents else z[:0],
        similarity(vae.modality, [starts.records[start] for start, _, _ in kept], records),
    )


def encodable(vae: SeqVAE, records: Sequence[Any], labels: Sequence[int]) -> list[Tensor | None]:
    """The latent of each record as of its class, on the support; None for one that the codec refuses."""
    try:
        return list(vae.model.project(vae.encode(records, labels=labels))) if records else []
    except DataError:
        return [_encoded(vae, record, label) for record, label in zip(records, labels, strict=True)]


def _encoded(vae: SeqVAE, record: Any, label: int) -> Tensor | None:
    try:
        return vae.model.project(vae.encode([record], labels=label))[0]
    except DataError:
        return None


def _key(record: Any) -> int:
    return -1 if record is None else digest_of(record)
