"""`seqvae evaluate`: the report card of a run, as a table or as JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Run
from seqvae.cli.explore import load
from seqvae.cli.printing import print_json
from seqvae.errors import DataError, RunError

if TYPE_CHECKING:
    from seqvae.data.prepare import Prepared
    from seqvae.data.store import SequenceStore
    from seqvae.vae import SeqVAE

log = logging.getLogger("seqvae")
PIPE_WIDTH = 240


class Split(StrEnum):
    """Which records."""

    train = "train"
    valid = "valid"
    test = "test"


def evaluate(
    run: Run,
    split: Annotated[Split, typer.Option(help="Which records to judge it on.")] = Split.test,
    samples: Annotated[int | None, typer.Option(min=1, help="Importance samples a record; else the recipe's.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Judge a run, each number with its unit."""
    from seqvae.evaluation import card

    vae = load(run)
    settings = vae.recipe.evaluation
    splits = find_data(vae).splits
    metrics = card.evaluate(
        vae,
        choose_split(vae, splits, split.value),
        split=split.value,
        samples=samples or settings.samples,
        rows=settings.rows,
        limit=settings.limit,
        seed=seed,
        gallery=settings.gallery,
        precision=settings.precision,
        training=splits["train"],
        generation=settings.generation,
    )
    _note(run, split.value, metrics)
    if as_json:
        print_json(metrics)
    else:
        _print_card(metrics)


def _note(run: str, split: str, metrics: dict[str, Any]) -> None:
    """Put the numbers into the model's own card, where it is ours to write."""
    from seqvae.storage.pretrained import add_metrics
    from seqvae.storage.sources import locate

    if Path(run).expanduser().is_dir():
        try:
            add_metrics(locate(run), split, metrics)
        except RunError as error:
            log.warning("the model's card was not brought up to date: %s", error)


def find_split(vae: SeqVAE, split: str) -> SequenceStore:
    """The records of a split of the data that a model was trained on. Errors as `find_data`, or there is no such split."""
    return choose_split(vae, find_data(vae).splits, split)


def find_data(vae: SeqVAE) -> Prepared:
    """The data that a model was trained on, found through its recipe.

    Raises:
        DataError: the data is not there any more.
        RunError: it has changed so much that the model's tokenizer, or its classes, no longer fit it.
    """
    from seqvae.data.prepare import prepare

    recipe = vae.recipe
    prepared = prepare(recipe.data, vae.modality, recipe.tokenizer, recipe.seed)
    if vae.metrics.get("made", {}).get("data_sha256", prepared.source_sha256) != prepared.source_sha256:
        log.warning("%s has changed since this model was trained on it: its splits may not be what they were", recipe.data.source)
    if prepared.codec.fingerprint != vae.codec.fingerprint:
        raise _outgrown("tokenizer", recipe.data.source)
    if vae.classes and prepared.classes != vae.classes:
        raise _outgrown("list of classes", recipe.data.source)
    return prepared


def choose_split(vae: SeqVAE, splits: Mapping[str, SequenceStore], split: str) -> SequenceStore:
    """The records of one of the splits. Raises DataError where there is no such split."""
    if split not in splits:
        raise DataError(f"{vae.recipe.data.source} has no {split} records; choose with --split among {', '.join(splits)}")
    return splits[split]


def held_out_of(splits: Mapping[str, SequenceStore]) -> tuple[str, SequenceStore]:
    """The test split, else the valid one, else the records that were trained on; with its name."""
    name = next(split for split in ("test", "valid", "train") if split in splits)
    return name, splits[name]


def _outgrown(learnt: str, source: str) -> RunError:
    return RunError(f"the {learnt} that {source} gives now is not this model's; bring the old data back, or train again")


def _print_card(metrics: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from seqvae.evaluation.card import table
    from seqvae.evaluation.verdict import verdict

    shown = Table(box=SIMPLE_HEAD, show_edge=False)
    shown.add_column("measure", no_wrap=True)
    shown.add_column("value", justify="right", no_wrap=True)
    shown.add_column("unit", no_wrap=True)
    shown.add_column("meaning", style="dim")
    for row in table(metrics):
        shown.add_row(*row)
    piped = not sys.stdout.isatty()  # a pipe has no width; lines stay whole there, for whoever greps them
    console = Console(highlight=False, markup=False, width=PIPE_WIDTH if piped else None)
    console.print(shown)
    finding = verdict(metrics)
    for line in ("", finding.sentence, finding.advice):
        console.print(line, soft_wrap=piped)
