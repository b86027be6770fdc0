"""`seqvae sample`, `reconstruct`, `interpolate`, `arithmetic`, `complete`: what lives in the latent space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli import pictures
from seqvae.cli.arguments import Json, Label, Out, Run, Seed, Temperature
from seqvae.cli.pictures import Tile
from seqvae.cli.printing import give_records
from seqvae.cli.records import from_arguments_or_stdin, parse

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE


MINUS = "\N{MINUS SIGN}"


class Method(StrEnum):
    """Paths between two latents."""

    slerp = "slerp"
    linear = "linear"


class Prior(StrEnum):
    """Where latents come from."""

    model = "model"
    ex_post = "ex_post"


def sample(
    run: Run,
    count: Annotated[int, typer.Option("-n", min=1, help="How many records.")] = 16,
    temperature: Temperature = 1.0,
    top_k: Annotated[int | None, typer.Option(min=1, help="Choose among the k most probable steps.")] = None,
    top_p: Annotated[float | None, typer.Option(min=1e-6, max=1, help="Choose among the most probable that share p.")] = None,
    prior: Annotated[Prior, typer.Option(help="The model's own, or the density that fit-prior has fitted.")] = Prior.model,
    label: Label = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Draw new records from the prior."""
    vae = load(run)
    records = vae.sample(count, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed, prior=prior.value, labels=label)
    give(vae, records, as_json, out)


def reconstruct(
    run: Run,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="[INPUT]...", help="Records; without any, lines on stdin.")] = None,
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Encode records and decode them again.

    Each is printed above its reconstruction.
    """
    vae = load(run)
    records = from_arguments_or_stdin(vae, inputs or [])
    shown = [vae.modality.to_json(record) for record in records]
    made = vae.reconstruct(records, labels=label)
    give(vae, made, as_json, out, inputs=shown, tiles=pictures.pairs(records, made))


def interpolate(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="Where the path starts.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Where it ends.")],
    steps: Annotated[int, typer.Option(min=2, help="Records on the path, both ends counted.")] = 8,
    method: Annotated[Method, typer.Option(help="slerp keeps to the shell where latents live; linear cuts across.")] = Method.slerp,
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Walk through the latent space from A to B."""
    vae = load(run)
    records = vae.interpolate(parse(vae, "A", a), parse(vae, "B", b), steps=steps, method=method.value, label=label)
    give(vae, records, as_json, out, tiles=pictures.path(records))


def arithmetic(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    c: Annotated[str, typer.Argument(metavar="C")],
    label: Label = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Decode z(A) - z(B) + z(C)."""
    vae = load(run)
    terms = parse(vae, "A", a), parse(vae, "B", b), parse(vae, "C", c)
    result = vae.arithmetic(*terms, label=label)
    tiles = list(zip([*terms, result], ["A", f"{MINUS} B", "+ C", f"= A {MINUS} B + C"], strict=True))
    give(vae, [result], as_json, out, tiles=tiles)


def complete(
    run: Run,
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="How each record begins.")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many completions.")] = 5,
    temperature: Temperature = 1.0,
    label: Label = None,
    seed: Seed = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Finish a record that has only been begun."""
    vae = load(run)
    begun = parse(vae, "PREFIX", prefix)
    records = vae.complete(begun, n=count, temperature=temperature, seed=seed, labels=label)
    give(vae, records, as_json, out, tiles=[(begun, "given"), *pictures.numbered(records)])


def load(run: str) -> SeqVAE:
    """The trained model that a command's RUN names."""
    from seqvae.vae import SeqVAE

    return SeqVAE.from_pretrained(run)


def give(
    vae: SeqVAE,
    records: list[Any],
    as_json: bool,
    out: Out = None,
    inputs: list[Any] | None = None,
    tiles: list[Tile] | None = None,
    beside: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Print or write records, with `inputs` or numbers `beside`; `tiles` are drawn instead of them where `out` is a picture."""
    picture = None
    if out is not None and pictures.wanted(out):
        picture = pictures.picture(vae.modality, tiles or pictures.numbered(records), out)
    plain = [vae.modality.to_json(record) for record in records]
    give_records(plain, as_json=as_json, out=out, inputs=inputs, beside=beside, picture=picture)
