"""`seqvae demo`: train small models on data that needs no download, and show in one page what they learnt.

    DIR/report.html             the report
    DIR/text.png, sketch.png    the figures of each model in one picture
    DIR/text/, sketch/          ordinary run folders: every other command works on them
    DIR/demo.json               marks the folder as ours, and says which runs are finished

A second demo in the same folder keeps finished runs whose recipe and data have not changed, and trains only the others.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqvae.cli.printing import write_file
from seqvae.errors import RunError

if TYPE_CHECKING:
    from seqvae.recipe import Recipe

log = logging.getLogger("seqvae")
MARK = "demo.json"


@dataclass(frozen=True)
class Demo:
    """One model of the demo: its recipe, what its records are called, and where they come from (after "out of")."""

    name: str
    recipe: str
    records: str
    source: str


DEMOS = (
    Demo("text", "text-demo", "sentences", "the docstrings of the installed Python packages"),
    Demo("sketch", "sketch-demo", "drawings", "the outlines of letters and signs in matplotlib's fonts"),
    Demo("molecule", "molecule-demo", "molecules", "RDKit's folder of molecules from the National Cancer Institute"),
)


def demo(out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where everything goes.")] = Path("seqvae-demo")) -> None:
    """Train small models and write a report with pictures.

    Takes a few minutes on two cores, and downloads nothing.
    """
    finished = _open(out)
    for item in DEMOS:
        _train(item, out, finished)
    _report(out)
    typer.echo(f"report: {(out / 'report.html').absolute()}")


def _open(out: Path) -> dict[str, str]:
    """Make or enter the demo's folder; the identities of the runs that are finished there, by name.

    Raises:
        RunError: the folder holds something else.
    """
    mark = out / MARK
    if mark.is_file():
        try:
            return dict(json.loads(mark.read_text("utf-8"))["finished"])
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{mark} is damaged; delete {out} to begin anew") from error
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} exists and is no demo's folder; give another with --out, or remove it")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make {out}: {error.strerror}; give another folder with --out") from error
    _mark(out, {})
    return {}


def _mark(out: Path, finished: dict[str, str]) -> None:
    text = json.dumps({"format": "seqvae-demo", "finished": finished}, indent=1)
    write_file(out / MARK, lambda stream: stream.write(text.encode()))


def _train(item: Demo, out: Path, finished: dict[str, str]) -> None:
    """Train one model, unless the very same is there already."""
    from seqvae import recipe as recipes
    from seqvae.training.run import train

    run = out / item.name
    recipe = recipes.load(item.recipe)
    identity = _identity(recipe)
    if finished.pop(item.name, None) == identity and (run / "model").is_dir():
        log.info("%s is trained already; delete it to train again", run)
    else:
        _mark(out, finished)
        shutil.rmtree(run, ignore_errors=True)  # an earlier demo's, with another recipe or stopped half-way
        log.info("training %s on %s out of %s", item.recipe, item.records, item.source)
        if train(replace(recipe, out=str(run)), item.name).interrupted is not None:
            raise KeyboardInterrupt
    finished[item.name] = identity
    _mark(out, finished)


def _identity(recipe: Recipe) -> str:
    """A hash of all that decides what is learnt: the recipe, and the data, which new versions of packages change."""
    from seqvae import registry
    from seqvae.data.prepare import prepare

    prepared = prepare(recipe.data, registry.build("modality", recipe.modality), recipe.tokenizer, recipe.seed)
    return hashlib.sha256(json.dumps([recipe.to_config(), prepared.source_sha256]).encode()).hexdigest()


def _report(out: Path) -> None:
    from seqvae.cli.report.drawings import write_overview
    from seqvae.cli.report.page import page
    from seqvae.cli.report.study import gather

    studies = []
    for item in DEMOS:
        log.info("looking at %s", out / item.name)
        studies.append(gather(out / item.name, item.records, item.source))
    write_file(out / "report.html", lambda stream: stream.write(page(studies).encode()))
    for study in studies:
        write_overview(study, out / f"{study.name}.png")
