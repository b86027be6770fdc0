"""What a model writes when left alone: its samples against real records, and the two published protocols of molecule VAEs.

    prior validity           share of valid records among `decodes` draws at each of `latents` latents of the prior (1,000 x 100)
    sampled reconstruction   share of draws that give a record back, over `encodes` latents of its posterior and `redecodes` draws
                             at each (10 x 10)                            (Jin et al. 2018, arXiv 1802.04364; Kusner et al. 2017)

Latents come from the posterior and the prior as they are, with unit noise, and tokens are drawn at temperature 1. Papers that
shrink the noise report other numbers. A model that is told classes is told those of the records themselves, and for latents of the
prior those of records drawn at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqvae.data.store import SequenceStore
from seqvae.encoding import posterior
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.generation.loop import generate
from seqvae.generation.rules import SamplingRule
from seqvae.recipe import GenerationSettings

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE

Metrics = dict[str, Any]
BLOCK = 4096  # records decoded before they are judged: strings are small, but not half a million of them


def generation_metrics(
    vae: SeqVAE,
    store: SequenceStore,
    rows: np.ndarray,
    training: SequenceStore | None,
    settings: GenerationSettings,
    *,
    seed: int = 0,
    precision: Precision | None = None,
) -> Metrics:
    """Everything that the modality can say of generated records; empty for one that can say nothing.

    Args:
        vae: gives model, codec, modality and the longest sequence to generate.
        store: real records, `rows [N]` of them, to compare with.
        training: the records trained on, which a new record must not be; None leaves novelty out.
        settings: how many of each.
        seed: of every draw.
        precision: see `measuring`.
    """
    modality = vae.modality
    metrics: Metrics = {}
    with measuring(vae.model, seed, precision):
        if hasattr(modality, "generation_metrics"):
            z = vae.model.prior().sample(torch.Size([settings.samples]))
            samples = decoded(vae, z, _drawn(vae, store, rows, settings.samples))
            known = None if training is None else _records(vae, training, np.arange(len(training)))
            metrics |= modality.generation_metrics(samples, _records(vae, store, rows), known, seed)
        if hasattr(modality, "valid"):
            metrics["prior_validity"] = prior_validity(vae, settings, _drawn(vae, store, rows, settings.latents))
        if hasattr(modality, "same"):
            metrics["reconstruction_sampled"] = sampled_reconstruction(vae, store, rows[: settings.records], settings)
    return metrics


def prior_validity(vae: SeqVAE, settings: GenerationSettings, labels: Tensor | None = None) -> float:
    """The share of valid records among `settings.decodes` draws at each of `settings.latents` draws from the prior."""
    z, valid = vae.model.prior().sample(torch.Size([settings.latents])), 0
    for rows in torch.arange(len(z)).repeat_interleave(settings.decodes).split(BLOCK):
        drawn = decoded(vae, z[rows.to(z.device)], None if labels is None else labels[rows])
        valid += int(vae.modality.valid(drawn).sum())
    return valid / (settings.latents * settings.decodes)


def sampled_reconstruction(vae: SeqVAE, store: SequenceStore, rows: np.ndarray, settings: GenerationSettings) -> float:
    """The share of draws that are the record again, over all records, their sampled latents, and the draws at each of these."""
    times = settings.encodes * settings.redecodes
    found = 0
    for start in range(0, len(rows), step := max(1, BLOCK // times)):
        some = rows[start : start + step]
        part, labels = _records(vae, store, some), store.labels_of(some)
        z = posterior(vae.model, vae.codec, part, labels).sample(torch.Size([settings.encodes])).transpose(0, 1)  # [N,encodes,*]
        every = None if labels is None else labels.repeat_interleave(times)
        drawn = decoded(vae, z.flatten(0, 1).repeat_interleave(settings.redecodes, dim=0), every)
        found += int(vae.modality.same([record for record in part for _ in range(times)], drawn).sum())
    return found / (len(rows) * times)


def decoded(vae: SeqVAE, z: Tensor, labels: Tensor | None = None) -> list[Any]:
    """A record for each latent `[N,*event]`, of classes `[N]` if any, tokens drawn at temperature 1 from torch's generator."""
    return vae.codec.decode(generate(vae.model, z, SamplingRule(), vae.max_length, constraint=vae.constraint(), labels=labels))


def _drawn(vae: SeqVAE, store: SequenceStore, rows: np.ndarray, count: int) -> Tensor | None:
    """The classes of `count` of the records, drawn with replacement, for a model that is told them."""
    return store.labels_of(rows[torch.randint(len(rows), (count,)).numpy()]) if vae.classes else None


def _records(vae: SeqVAE, store: SequenceStore, rows: np.ndarray) -> list[Any]:
    return vae.codec.decode([np.asarray(store[int(row)]) for row in rows])
