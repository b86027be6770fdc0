"""`seqvae sample`, `reconstruct`, `interpolate`, `arithmetic`, `complete`: what lives in the latent space."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Out, Run, Seed, Temperature
from seqvae.cli.printing import give_records
from seqvae.cli.records import from_arguments_or_stdin, parse

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE


class Method(StrEnum):
    """Paths between two latents."""

    slerp = "slerp"
    linear = "linear"


def sample(
    run: Run,
    count: Annotated[int, typer.Option("-n", min=1, help="How many records.")] = 16,
    temperature: Temperature = 1.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="Choose among the k most probable steps.")] = None,
    top_p: Annotated[float | None, typer.Option(min=1e-6, max=1, help="Choose among the most probable that share p.")] = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw new records from the prior."""
    vae = load(run)
    _give(vae, vae.sample(count, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed), as_json, out)


def reconstruct(
    run: Run,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="[INPUT]...", help="Records; without any, lines on stdin.")] = None,
    as_json: Json = False,
) -> None:
    """Encode records and decode them again.

    Each is printed above its reconstruction.
    """
    vae = load(run)
    records = from_arguments_or_stdin(vae, inputs or [])
    shown = [vae.modality.to_json(record) for record in records]
    _give(vae, vae.reconstruct(records), as_json, inputs=shown)


def interpolate(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="Where the path starts.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Where it ends.")],
    steps: Annotated[int, typer.Option(min=2, help="Records on the path, both ends counted.")] = 8,
    method: Annotated[Method, typer.Option(help="slerp keeps to the shell where latents live; linear cuts across.")] = Method.slerp,
    as_json: Json = False,
) -> None:
    """Walk through the latent space from A to B."""
    vae = load(run)
    _give(vae, vae.interpolate(parse(vae, "A", a), parse(vae, "B", b), steps=steps, method=method.value), as_json)


def arithmetic(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    c: Annotated[str, typer.Argument(metavar="C")],
    as_json: Json = False,
) -> None:
    """Decode z(A) - z(B) + z(C)."""
    vae = load(run)
    _give(vae, [vae.arithmetic(parse(vae, "A", a), parse(vae, "B", b), parse(vae, "C", c))], as_json)


def complete(
    run: Run,
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How each record begins.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many completions.")] = 5,
    temperature: Temperature = 1.0,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Finish a record that has only been begun."""
    vae = load(run)
    _give(vae, vae.complete(parse(vae, "PREFIX", prefix), n=count, temperature=temperature, seed=seed), as_json)


def load(run: str) -> SeqVAE:
    """The trained model that a command's RUN names."""
    from seqvae.vae import SeqVAE

    return SeqVAE.from_pretrained(run)


def _give(vae: SeqVAE, records: list[Any], as_json: bool, out: Out = None, inputs: list[Any] | None = None) -> None:
    give_records([vae.modality.to_json(record) for record in records], as_json=as_json, out=out, inputs=inputs)
