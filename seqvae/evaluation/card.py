"""The report card: one protocol for every model and modality, each number with its unit and its definition.

What the numbers are is said in `seqvae.definitions`; a modality adds its own through `perplexities`,
`likelihood_metrics`, `reconstruction_metrics` and, of what the model generates, the three that `generation` asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seqvae.data.store import SequenceStore
from seqvae.definitions import DEFINITIONS, Definition
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.evaluation.generation import generation_metrics
from seqvae.evaluation.heads import property_metrics
from seqvae.evaluation.latent import active_units, minibatch_mutual_information, mutual_information
from seqvae.evaluation.likelihood import PosteriorPass, decoded, importance_nll, posterior_pass
from seqvae.evaluation.reconstruction import reconstruction_metrics, reconstructions
from seqvae.evaluation.retrieval import GALLERY, retrieval_metrics
from seqvae.evaluation.verdict import verdict

if TYPE_CHECKING:
    from seqvae.recipe import GenerationSettings
    from seqvae.vae import SeqVAE

Metrics = dict[str, Any]


class Row(NamedTuple):
    """One line of the card, ready to show."""

    name: str
    value: str
    unit: str
    meaning: str


def evaluate(
    vae: SeqVAE,
    store: SequenceStore,
    *,
    split: str,
    samples: int = 500,
    rows: int = 512,
    limit: int | None = None,
    seed: int = 0,
    reconstruct: bool = True,
    gallery: int = GALLERY,
    precision: Precision = "fp32",
    training: SequenceStore | None = None,
    generation: GenerationSettings | None = None,
) -> Metrics:
    """Every metric that applies, as plain numbers that go into JSON. The same seed gives the same numbers.

    A posterior without a density has no rate, ELBO, NLL, perplexity or mutual information; the verdict then says so.

    Args:
        vae: the model with its codec and modality.
        store: the records, encoded by the model's own codec.
        split: the name to report.
        samples: importance samples of the NLL.
        rows: decoder rows in one pass, a matter of memory and speed only.
        limit: only the first so many records.
        seed: of every draw; torch's global generator is not touched.
        reconstruct: also decode every record and compare.
        gallery: records among which each reconstruction is to find its own.
        precision: of matrix products. bf16 took half the time on a CPU with AVX512-BF16 and moved the NLL of an LSTM trained on
            PTB by 0.002 nats (standard error 0.001; at most 0.06 for one sentence), measured on 200 test sentences.
        training: the records trained on, to tell new ones from.
        generation: how many records to generate, and to have judged by a modality that can; None generates nothing.

    Raises:
        DataError: the store has no records.
    """
    measured = posterior_pass(vae.model, store, limit=limit, seed=seed, precision=precision)
    metrics: Metrics = {"modality": vae.modality.name, "split": split, "count": len(measured.rows), "samples": samples}
    if vae.classes:
        metrics["classes"] = len(vae.classes)
    metrics |= measured.summary
    if measured.has_density:
        nll = importance_nll(vae.model, store, samples=samples, rows=rows, limit=limit, seed=seed, precision=precision)
        metrics["nll_nats"] = nll.mean
        if samples > 1:
            metrics["nll_stderr_nats"] = nll.stderr
        metrics |= _perplexities(vae, store, measured.rows, nll.mean)
        metrics |= _information(measured)
    metrics |= _likelihood_metrics(vae, store, measured, precision)
    metrics |= _latent_health(vae, measured)
    metrics["collapsed"] = verdict(metrics).collapsed
    if len(vae.model.heads):
        metrics["properties"] = property_metrics(vae.model.heads, store, measured.rows, measured.means)
    if reconstruct:
        labels = store.labels_of(measured.rows)
        written = reconstructions(vae, measured.means, labels, at_once=rows, precision=precision)
        metrics |= reconstruction_metrics(vae, store, measured.rows, written)
        metrics |= retrieval_metrics(vae, measured.rows, measured.means, written, labels, gallery=gallery, precision=precision)
    if generation is not None:
        metrics |= generation_metrics(vae, store, np.sort(measured.rows), training, generation, seed=seed, precision=precision)
    return _in_order(metrics)


def table(metrics: Mapping[str, Any]) -> list[Row]:
    """The card's lines, in the order of `metrics`, for the terminal, the report and the model card."""
    lines = []
    for name, value in metrics.items():
        inner = value.items() if isinstance(value, Mapping) else [(None, value)]
        for key, item in inner:
            lines.append(Row(name if key is None else f"{name}.{key}", _shown(item), *DEFINITIONS.get(name, Definition("", ""))))
    return lines


def as_text(metrics: Mapping[str, Any]) -> str:
    """The card as plain text: the lines in columns, then the verdict and, where something is amiss, what to try."""
    lines = table(metrics)
    name, value, unit = (max((len(line[column]) for line in lines), default=0) for column in range(3))
    text = [f"{line.name:<{name}}  {line.value:>{value}}  {line.unit:<{unit}}  {line.meaning}".rstrip() for line in lines]
    if "active_units" in metrics:
        found = verdict(metrics)
        text += ["", " ".join(part for part in (found.sentence, found.advice) if part)]
    return "\n".join(text)


def _perplexities(vae: SeqVAE, store: SequenceStore, rows: np.ndarray, nll: float) -> dict[str, float]:
    """The modality's perplexities, if it has any, from the mean NLL in nats per sequence."""
    if not hasattr(vae.modality, "perplexities"):
        return {}
    tokens, units = int(store.lengths[rows].sum()), int(store.units[rows].sum())
    return dict(vae.modality.perplexities(nll * len(rows), tokens, units, len(rows)))


def _likelihood_metrics(vae: SeqVAE, store: SequenceStore, measured: PosteriorPass, precision: Precision) -> dict[str, float]:
    """The modality's own numbers of the likelihood, if it has any, from the decoder's features at the posterior samples."""
    if not hasattr(vae.modality, "likelihood_metrics"):
        return {}
    with measuring(vae.model, 0, precision):
        return dict(vae.modality.likelihood_metrics(vae.model.likelihood, decoded(vae.model, store, measured), vae.codec))


def _information(measured: PosteriorPass) -> dict[str, float]:
    return {
        "mi_nats": mutual_information(measured.posteriors, measured.z),
        "mi_bound_nats": math.log(len(measured.rows)),
        "mi_minibatch_nats": minibatch_mutual_information(measured.posteriors, measured.z),
    }


def _latent_health(vae: SeqVAE, measured: PosteriorPass) -> dict[str, float]:
    return {
        "active_units": active_units(measured.means),
        "latent_dim": vae.model.event_shape.numel(),
    }


def _in_order(metrics: Metrics) -> Metrics:
    """Known metrics as `definitions` lists them, then a modality's own."""
    return {name: metrics[name] for name in [*DEFINITIONS, *metrics] if name in metrics}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    return f"{value:.4f}" if isinstance(value, float) else str(value)
