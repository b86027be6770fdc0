"""`seqvae diagnose`: why a run is as it is, and the one change to try first."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seqvae.cli.arguments import Json, Run
from seqvae.cli.evaluate import Split, find_split
from seqvae.cli.explore import load
from seqvae.cli.printing import bars, metric_lines, print_json


def diagnose(
    run: Run,
    split: Annotated[Split, typer.Option(help="Which records to look at.")] = Split.valid,
    limit: Annotated[int, typer.Option(min=1, help="Most records; time grows with the square.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Find out whether a run's latent is in use, and if not, why not."""
    from seqvae.evaluation.diagnosis import diagnose

    vae = load(run)
    store = find_split(vae, split.value)
    found = diagnose(vae, store, split=split.value, limit=limit, seed=seed, precision=vae.recipe.evaluation.precision)
    if as_json:
        print_json(found)
    else:
        typer.echo(_as_text(found))


def _as_text(found: dict[str, Any]) -> str:
    """The numbers, the rate of each dimension as bars, and the verdict last."""
    words = {"rate_per_dimension", "verdict", "try_first", "why", "collapsed"}
    text = metric_lines({name: value for name, value in found.items() if name not in words})
    if "rate_per_dimension" in found:
        rates = {str(dimension): rate for dimension, rate in enumerate(found["rate_per_dimension"])}
        text += ["", "rate per dimension, nats", *bars(rates)]
    text += ["", found["verdict"]]
    if "try_first" in found:
        text.append(f"Try first: {found['try_first']} ({found['why']}).")
    return "\n".join(text)
