"""`seqvae optimize`: climb a property through the latent space, and bring back records that have it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli import pictures
from seqvae.cli.arguments import Json, Label, Out, Run, Seed
from seqvae.cli.evaluate import find_split
from seqvae.cli.explore import load
from seqvae.cli.printing import print_json, write_file
from seqvae.cli.records import from_file
from seqvae.errors import ConfigError, DataError
from seqvae.user_function import function_at

if TYPE_CHECKING:
    from seqvae.data.computed import PropertyFunction
    from seqvae.explore.goal import Goal
    from seqvae.explore.guards.guard import Guard
    from seqvae.explore.optima import Optimum
    from seqvae.explore.optimizer import Optimised
    from seqvae.explore.starts import Starts
    from seqvae.vae import SeqVAE

NUMBERS = ("value", "predicted", "start_value", "similarity")
SHOWN = 20  # lines printed without --json; --out and --json give all


class Origin(StrEnum):
    """Where climbs start."""

    best = "best"
    prior = "prior"


def optimize(
    run: Run,
    properties: Annotated[
        list[str], typer.Option("--property", metavar="NAME", help="What to climb, NAME or NAME=WEIGHT; -1 minimises; repeatable.")
    ],
    steps: Annotated[int, typer.Option(min=1, help="Steps of gradient ascent.")] = 50,
    starts: Annotated[int, typer.Option(min=1, help="How many climbs, all at once.")] = 256,
    origin: Annotated[Origin, typer.Option(help="The best training records, or draws from the prior.")] = Origin.best,
    from_: Annotated[Path | None, typer.Option("--from", metavar="FILE", help="Start from these records instead.")] = None,
    similarity: Annotated[float | None, typer.Option(help="Least similarity to the start, 0 to 1.")] = None,
    guards: Annotated[
        list[str] | None,
        typer.Option("--guard", metavar="NAME", help="shell, ball, ensemble, likelihood, reencode, none; or ball={radius: 3}."),
    ] = None,
    oracles: Annotated[
        list[str] | None, typer.Option("--oracle", metavar="NAME=module:function", help="The real property, where it is your own.")
    ] = None,
    calls: Annotated[int | None, typer.Option(min=0, help="Most records whose real property is computed.")] = None,
    learning_rate: Annotated[float, typer.Option("--learning-rate", min=1e-6, help="Of Adam on the latents.")] = 0.1,
    points: Annotated[int, typer.Option(min=1, help="Points of each path that are decoded.")] = 4,
    draws: Annotated[int, typer.Option(min=0, help="Sampled decodes of each point, besides the greedy one.")] = 2,
    label: Label = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw the paths (.svg or .png).")] = None,
    out: Out = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Climb a property through the latent space.

    For example: seqvae optimize runs/molecules --property qed --similarity 0.4 --from leads.smi

    Of a model that knows classes every climb keeps to its start's. --label is that of the records of a file or of draws from the
    prior, which else have none, and of the training records to start from, which else may be of any.
    """
    from seqvae.explore.optimizer import LatentOptimizer
    from seqvae.explore.oracle import Oracle

    vae = load(run)
    pictures.check(vae.modality, out)
    weights = dict(_weight(given) for given in properties)
    optimizer = LatentOptimizer(
        vae,
        weights,
        guards=_guards(guards or ["shell"]),
        steps=steps,
        learning_rate=learning_rate,
        points=points,
        draws=draws,
        similarity=similarity,
    )
    functions = _functions(vae, list(weights), oracles or [])
    begin = _starts(vae, optimizer.goal, from_, origin, starts, seed, label)
    found = optimizer.run(begin, Oracle(functions, calls, len(weights)), seed)
    if picture is not None:
        _draw(found, picture)
    _give(vae, found, as_json, out)


def _weight(given: str) -> tuple[str, float]:
    name, equals, text = given.partition("=")
    try:
        return name, float(text) if equals else 1.0
    except ValueError:
        raise ConfigError(f"--property {given}: {text!r} is no weight; give NAME or NAME=WEIGHT") from None


def _guards(given: Sequence[str]) -> list[Guard]:
    """The guards of `NAME` or `NAME={key: value}`; `none` is none."""
    from seqvae import registry, schema, strict_yaml

    if list(given) == ["none"]:
        return []
    problems: list[str] = []
    configs = []
    for text in given:
        name, equals, keywords = text.partition("=")
        values = strict_yaml.load(keywords) if equals else {}
        if not isinstance(values, dict):
            problems.append(f"--guard {text}: give NAME, or NAME={{key: value}}")
            continue
        configs.append(schema.check_part("guard", {"kind": name, **values}, "--guard", problems))
    if problems:
        raise ConfigError(problems)
    return [registry.build("guard", config) for config in configs]


def _functions(vae: SeqVAE, names: Sequence[str], oracles: Sequence[str]) -> dict[str, PropertyFunction]:
    """The real properties: the user's own, else the modality's. Either all are known, or the heads judge alone."""
    from seqvae.data.computed import each, property_functions

    own = {name: function_at(place) for name, _, place in (given.partition("=") for given in oracles)}
    strange = [name for name in own if name not in names]
    if strange:
        raise ConfigError(f"--oracle {strange[0]}: no such --property; it is NAME=module:function with one of {', '.join(names)}")
    found: dict[str, PropertyFunction] = {}
    for name in names:
        if name in own:
            found[name] = each(own[name], vae.modality)
            continue
        try:
            found |= property_functions(vae.modality, [name])
        except ConfigError:
            return {}
    return found


def _starts(vae: SeqVAE, goal: Goal, file: Path | None, origin: Origin, count: int, seed: int | None, label: str | None) -> Starts:
    from seqvae.explore import starts

    if file is not None:
        return starts.from_records(vae, from_file(vae, file), label)
    if origin is Origin.prior:
        return starts.from_prior(vae, count, seed, label)
    try:
        store = find_split(vae, "train")
    except DataError as error:
        raise DataError(f"{error}; or start with --from FILE, or with --origin prior") from error
    return starts.best_of(vae, store, goal, count, label)


def _draw(found: Optimised, picture: Path) -> None:
    from seqvae.cli.report.paths import draw_paths

    kind = picture.suffix.removeprefix(".").lower()
    if kind not in {"svg", "png"}:
        raise ConfigError(f"--picture {picture}: a picture is .svg or .png")
    figure = draw_paths(found.paths)
    write_file(picture, lambda stream: figure.savefig(stream, format=kind))


def _give(vae: SeqVAE, found: Optimised, as_json: bool, out: Path | None) -> None:
    lines = [_line(vae, optimum) for optimum in found.optima]
    if out is not None:
        content = _picture(vae, found.optima, out) if pictures.wanted(out) else _json_lines(lines)
        write_file(out, lambda stream: stream.write(content))
    if as_json:
        print_json({"records": lines, "oracle_calls": found.oracle_calls})
        return
    _print_table(lines)
    valid = sum(line["valid"] for line in lines)
    typer.echo(f"{valid:,} of {len(lines):,} starts led to a valid record; {found.oracle_calls:,} oracle calls")


def _picture(vae: SeqVAE, optima: Sequence[Optimum], out: Path) -> bytes:
    """Each start beside what came of it, with their values."""
    pairs = (((o.start, _valued("start", o.start_value)), (o.record, _valued("found", o.value))) for o in optima)
    return pictures.picture(vae.modality, [tile for pair in pairs for tile in pair], out)


def _valued(what: str, value: float) -> str:
    return f"{what}: {value:.4g}" if math.isfinite(value) else what


def _json_lines(lines: Sequence[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()


def _line(vae: SeqVAE, optimum: Optimum) -> dict[str, Any]:
    """What `--json` and `--out` say of one start; null for a number that is not known."""
    numbers = {name: getattr(optimum, name) for name in NUMBERS}
    return {
        "record": vae.modality.to_json(optimum.record),
        "start": vae.modality.to_json(optimum.start),
        **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
        "valid": optimum.valid,
    }


def _print_table(lines: Sequence[dict[str, Any]]) -> None:
    typer.echo("\t".join([*NUMBERS, "record"]))
    for line in lines[:SHOWN]:
        numbers = ("-" if line[name] is None else f"{line[name]:.4g}" for name in NUMBERS)
        record = line["record"] if isinstance(line["record"], str) else json.dumps(line["record"])
        typer.echo("\t".join([*numbers, record]))
    if len(lines) > SHOWN:
        typer.echo(f"... and {len(lines) - SHOWN:,} more; --json or --out give all")
