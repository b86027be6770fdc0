"""What a report shows of one trained model: each number and each record comes from the room that owns it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from seqvae.data.store import SequenceStore
    from seqvae.evaluation.card import Row
    from seqvae.evaluation.verdict import Verdict
    from seqvae.explore.latent_map import LatentMap
    from seqvae.vae import SeqVAE

SAMPLES, TEMPERATURE, RECONSTRUCTIONS, STEPS, MAPPED = 10, 0.7, 8, 8, 600
IMPORTANCE_SAMPLES, JUDGED = 50, 500  # a demo's numbers need not be a paper's: seqvae evaluate gives those
MARKS = (0.1, 0.5, 0.9)  # quantiles of each axis: what lies nearest their nine crossings is named on the map
WALKS = ((1, 9), (3, 7))  # across the map, from corner to corner
SEED = 0


@dataclass(frozen=True)
class Walk:
    """A path between two numbered records of the map: the records along it, and `[steps,2]` where they lie."""

    start: int
    end: int
    records: Sequence[Any]
    places: np.ndarray


@dataclass(frozen=True)
class Study:
    """One section of the report.

    Attributes:
        name: of the modality; records: what its records are called ("sentences"); unit: what their length counts.
        source: what it was trained on.
        run: the run folder.
        facts: sizes of data and model, hardware, versions, as the run recorded them.
        seconds: of training.
        history: the lines of metrics.jsonl.
        floor: nats a dimension that free bits gave for nothing, or None.
        metrics: the report card; rows: its table; verdict: in words.
        show: a record as an HTML fragment.
        samples, reconstructions (pairs): generated records.
        walks: from one numbered record to another.
        places: `[N,2]` where test records lie on the map; sizes: `[N]` their lengths in units; named: a few of them, by row.
        explained: shares of the latents' variance along the map's two axes.
        drawn: whether a shown record is a picture, to stand beside others, or words, to stand on a line.
        paint: draws a record onto matplotlib axes in a colour; None where it is words.
    """

    name: str
    records: str
    unit: str
    source: str
    run: Path
    facts: Mapping[str, Any]
    seconds: float
    history: Sequence[Mapping[str, Any]]
    floor: float | None
    metrics: Mapping[str, Any]
    rows: Sequence[Row]
    verdict: Verdict
    show: Callable[[Any], str]
    samples: Sequence[Any]
    reconstructions: Sequence[tuple[Any, Any]]
    walks: Sequence[Walk]
    places: np.ndarray
    sizes: np.ndarray
    named: Mapping[int, Any]
    explained: tuple[float, float]
    drawn: bool = False
    paint: Callable[[Any, Any, str], None] | None = None

    @property
    def rates(self) -> Sequence[float]:
        """The rate of each latent dimension at the last validation, nats."""
        return [line for line in self.history if line["kind"] == "valid"][-1]["rate_per_dimension"]


def gather(run: Path, records: str, source: str) -> Study:
    """The study of a finished run.

    Args:
        run: its folder.
        records: what its records are called, in the plural.
        source: where they come from, after "out of".
    """
    from seqvae.cli.evaluate import find_data
    from seqvae.evaluation.card import evaluate, table
    from seqvae.evaluation.verdict import verdict
    from seqvae.explore.latent_map import latent_map
    from seqvae.training.run import read_metrics
    from seqvae.vae import SeqVAE

    vae = SeqVAE.from_pretrained(run)
    splits = find_data(vae).splits
    store = splits["test"]
    history = read_metrics(run)
    metrics = evaluate(
        vae,
        store,
        split="test",
        samples=IMPORTANCE_SAMPLES,
        limit=JUDGED,
        seed=SEED,
        training=splits["train"],
        generation=vae.recipe.evaluation.generation,
    )
    rows = np.random.default_rng(SEED).permutation(len(store))[:MAPPED]
    seen = _records(vae, store, rows)
    latents = vae.encode(seen)
    found = latent_map(latents)
    places = found.coordinates.numpy()
    marks = _marks(places)
    return Study(
        name=vae.modality.name,
        records=records,
        unit=vae.modality.unit,
        source=source,
        run=run,
        facts=vae.metrics["made"],
        seconds=max(line["seconds"] for line in history if line["kind"] == "train"),
        history=history,
        floor=_floor(vae.recipe.to_config()["objective"]),
        metrics=metrics,
        rows=table(metrics),
        verdict=verdict(metrics),
        show=vae.modality.render,
        samples=vae.sample(SAMPLES, temperature=TEMPERATURE, seed=SEED),
        reconstructions=list(zip(seen[:RECONSTRUCTIONS], vae.reconstruct(seen[:RECONSTRUCTIONS]), strict=True)),
        walks=[_walk(vae, found, latents[marks], start, end) for start, end in WALKS],
        places=places,
        sizes=np.asarray(store.units[rows]),
        named={row: seen[row] for row in marks},
        explained=found.explained,
        drawn=hasattr(vae.modality, "picture"),
        paint=getattr(vae.modality, "paint", None),
    )


def _records(vae: SeqVAE, store: SequenceStore, rows: np.ndarray) -> list[Any]:
    return list(vae.codec.decode([store[int(row)] for row in rows]))


def _walk(vae: SeqVAE, found: LatentMap, numbered: Tensor, start: int, end: int) -> Walk:
    """The spherical path between two of the latents `numbered [9,*event]`, which are counted from 1."""
    from seqvae.paths import slerp

    path = slerp(numbered[start - 1], numbered[end - 1], STEPS)
    return Walk(start, end, vae.decode(path), found.project(path).numpy())


def _marks(places: np.ndarray) -> list[int]:
    """The rows nearest the crossings of the `MARKS` quantiles, each once: from left to right, then downwards."""
    marks: list[int] = []
    for y in np.quantile(places[:, 1], MARKS[::-1]):
        for x in np.quantile(places[:, 0], MARKS):
            near = np.argsort(((places - (x, y)) ** 2).sum(axis=1))
            marks.append(next(int(row) for row in near if int(row) not in marks))
    return marks


def _floor(objective: Mapping[str, Any]) -> float | None:
    """Nats a dimension that the objective does not charge for, where it says so."""
    rate = objective.get("rate") or {}
    return rate["nats"] if rate.get("kind") == "free_bits" and rate["variant"].startswith("dimension") else None
