"""`seqvae data`: which data sets are known, getting them, and encoding a source ahead of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Overrides
from seqvae.cli.printing import print_json
from seqvae.errors import DataError

if TYPE_CHECKING:
    from seqvae.data.cards import Card
    from seqvae.data.downloads import LocalFile
    from seqvae.data.prepare import Prepared

app = typer.Typer(help="Data sets: list, info, get, prepare.", rich_markup_mode=None)
# the recipe that `prepare` takes the tokenizer from, by modality
USUAL = {"text": "text-lstm", "sketch": "sketch-rnn", "molecule": "molecule-smiles"}
Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set's name, as seqvae data list prints it.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the data sets that can be named as data=NAME."""
    from seqvae.data.cards import list_cards

    cards = list_cards()
    if as_json:
        keys = {"name", "modality", "description", "licence"}
        print_json({"datasets": [card.model_dump(mode="json", include=keys) for card in cards]})
        return
    name_width, modality_width = (max(len(getattr(card, key)) for card in cards) for key in ("name", "modality"))
    for card in cards:
        typer.echo(f"{card.name:<{name_width}}  {card.modality:<{modality_width}}  {card.description}")


@app.command()
def info(name: Name, as_json: Json = False) -> None:
    """Show a data set's card, and what of it is on this machine."""
    from seqvae.data.cards import load_card
    from seqvae.data.downloads import card_files

    card = load_card(name)
    files = card_files(name)
    if as_json:
        print_json({**card.model_dump(mode="json"), "here": [_as_json(file) for file in files]})
    else:
        _print_card(card, files)


@app.command()
def get(name: Name, as_json: Json = False) -> None:
    """Download a data set and verify it; SEQVAE_DATA=DIR is looked at first."""
    from seqvae.data import downloads

    files = downloads.get(name)
    if as_json:
        print_json({"name": name, "files": [_as_json(file) for file in files]})
    else:
        for file in files:
            typer.echo(f"{file.split}: {file.path} ({_state(file)})")


@app.command()
def prepare(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A data set's name, a file, or hf://owner/name.")],
    overrides: Overrides = None,
    recipe: Annotated[str | None, typer.Option(metavar="RECIPE", help="Whose tokenizer and seed are used.")] = None,
    as_json: Json = False,
) -> None:
    """Read, split and encode a source, as train would; a run with the same data settings then starts at once."""
    from seqvae import recipe as recipes
    from seqvae import registry
    from seqvae.data.prepare import prepare as prepare_data

    name = recipe or recipe_for(source)
    settings = recipes.load(name, [*(overrides or []), f"data.source={_quoted(source)}"])
    prepared = prepare_data(settings.data, registry.build("modality", settings.modality), settings.tokenizer, settings.seed)
    if as_json:
        print_json(_summary(source, name, prepared))
    else:
        _print_summary(source, name, prepared)


def recipe_for(source: str) -> str:
    """The usual recipe of the modality that reads `source`: its card's, or the first with a reader for a file of its name.

    Raises:
        DataError: no modality reads it.
    """
    from seqvae import registry
    from seqvae.data.cards import categories, is_card, load_card
    from seqvae.data.sources import HUB, reader_for

    card = categories(source)[0]
    if is_card(card):
        return USUAL[load_card(card).modality]
    path = Path(source).expanduser()
    if source.startswith(HUB) or not path.exists():
        return USUAL["text"]  # of what is not there, whoever looks for it says so best
    problems = []
    for modality in USUAL:
        try:
            reader_for(path, registry.build("modality", {"kind": modality}))
            return USUAL[modality]
        except DataError as error:
            problems.append(str(error))
    raise DataError("; ".join(problems))


def _quoted(source: str) -> str:
    import json

    return json.dumps(source)  # yaml reads json, so that no name is taken for a number or a list


def _print_card(card: Card, files: list[LocalFile]) -> None:
    typer.echo(f"{card.name}: {card.description}")
    for title, value in (("modality", card.modality), ("licence", card.licence), ("homepage", card.homepage), ("note", card.note)):
        if value:
            typer.echo(f"  {title:<9} {value}")
    if card.embedded:
        typer.echo("  files     built from installed packages when it is first used; nothing is downloaded")
    for file in files:
        records = card.splits[file.split].records  # type: ignore[index]
        parts = [f"{records:,} records" if records else "", _state(file), str(file.path or "")]
        typer.echo(f"  {file.split:<9} {', '.join(part for part in parts if part)}")


def _state(file: LocalFile) -> str:
    return "not here; seqvae data get fetches it" if file.path is None else "verified" if file.verified else "here, unverified"


def _as_json(file: LocalFile) -> dict[str, Any]:
    path = None if file.path is None else str(file.path)
    return {"split": file.split, "path": path, "sha256": file.sha256, "verified": file.verified}


def _summary(source: str, recipe: str, prepared: Prepared) -> dict[str, Any]:
    return {
        "source": source,
        "recipe": recipe,
        "folder": str(prepared.folder),
        "records": {split: len(store) for split, store in prepared.splits.items()},
        "rejected": prepared.rejected.count,
        "vocabulary": prepared.codec.spec.size,
        "classes": list(prepared.classes),
        "sha256": prepared.source_sha256,
    }


def _print_summary(source: str, recipe: str, prepared: Prepared) -> None:
    typer.echo(f"{source}, prepared with {recipe}: {prepared.folder}")
    for split, store in prepared.splits.items():
        steps = store.lengths
        typer.echo(f"  {split:<9} {len(store):>9,} records of {steps.min()} to {steps.max()} steps, {steps.mean():.1f} on average")
    typer.echo(f"  {'rejected':<9} {prepared.rejected.count:>9,} records")
    if prepared.classes:
        typer.echo(f"  {'classes':<9} {len(prepared.classes):>9,}: {', '.join(prepared.classes)}")
