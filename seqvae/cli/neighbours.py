"""`seqvae nearest`: the records whose latents are nearest to a given one's."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Label, Out, Run
from seqvae.cli.evaluate import Split, find_split
from seqvae.cli.explore import give, load
from seqvae.cli.records import from_file, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from seqvae.vae import SeqVAE


class Distance(StrEnum):
    """How far apart two latents are."""

    euclidean = "euclidean"
    cosine = "cosine"


def nearest(
    run: Run,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The record to start from.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many neighbours.")] = 8,
    data: Annotated[Path | None, typer.Option(help="A file to look in; else the data that the run was trained on.")] = None,
    split: Annotated[Split, typer.Option(help="Which records of that data.")] = Split.train,
    metric: Annotated[Distance | None, typer.Option(help="Else cosine on a sphere, Euclidean elsewhere.")] = None,
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Find the records whose latents are nearest to QUERY's.

    Each is printed after its distance; one that is QUERY itself comes first. --label is the class of QUERY, and of the records of a
    file, where the encoder is told classes; the data of the run has its own.
    """
    vae = load(run)
    start = parse(vae, "QUERY", query)
    latents, record_at = _gallery(vae, data, split, label)
    found = vae.nearest([start], latents, count, metric.value if metric else None, labels=label)
    distances: list[float] = found.distances[0].tolist()
    records = [record_at(row) for row in found.rows[0].tolist()]
    captions = [f"{distance:.3g}" for distance in distances]
    tiles = [(start, "query"), *zip(records, captions, strict=True)]
    shown = [vae.modality.to_json(start)]
    give(vae, records, as_json, out, inputs=shown, tiles=tiles, beside={"distances": distances})


def _gallery(vae: SeqVAE, data: Path | None, split: Split, label: str | None) -> tuple[Tensor, Callable[[int], Any]]:
    """Latents `[N,*event]` of the records to look among, and what gives a record by its row."""
    from seqvae.encoding import posterior_means

    if data is not None:
        records = from_file(vae, data)
        return vae.encode(records, labels=label), records.__getitem__
    store = find_split(vae, split.value)
    return posterior_means(vae.model, store), lambda row: vae.codec.decode([store[row]])[0]
