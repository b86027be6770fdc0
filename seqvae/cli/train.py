"""`seqvae train` and `seqvae resume`."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqvae.cli.arguments import Json, Overrides, RunFolder
from seqvae.cli.printing import print_json

if TYPE_CHECKING:
    from seqvae.training.trainer import TrainResult

log = logging.getLogger("seqvae")
SHIPPED = ", ".join(path.stem for path in sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml")))
RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help=f"A yaml file, or one that ships: {SHIPPED}.")]


def train(recipe: RecipeName, overrides: Overrides = None, as_json: Json = False) -> None:
    """Train a model on your data.

    For example: seqvae train text-lstm data=reviews.txt out=runs/reviews training.steps=2000
    """
    from seqvae import recipe as recipes
    from seqvae.training.run import train as run_training

    _report(run_training(recipes.load(recipe, overrides or []), Path(recipe).stem), as_json)


def resume(run: RunFolder, as_json: Json = False) -> None:
    """Go on with a run from its last checkpoint."""
    from seqvae.training.run import resume as resume_training

    _report(resume_training(run), as_json)


def _report(result: TrainResult, as_json: bool) -> None:
    """Say how training ended; of several processes (torchrun, accelerate launch), the first speaks for all."""
    if int(os.environ.get("RANK", "0")) != 0:
        return
    if result.interrupted is not None:
        log.warning("stopped by %s at step %d; go on with: seqvae resume %s", result.interrupted, result.steps, result.run)
    if as_json:
        print_json({"run": str(result.run), "steps": result.steps, "tokens_per_second": result.tokens_per_second})
    else:
        typer.echo(f"{result.run}: {result.steps:,} steps at {result.tokens_per_second:,.0f} tokens a second")
