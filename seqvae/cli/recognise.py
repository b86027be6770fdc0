"""`seqvae fit-classifier` and `seqvae recognise`: do a model's records look like what they should be?"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Run, Seed, Temperature
from seqvae.cli.evaluate import Split, find_split, find_splits, held_out_of
from seqvae.cli.explore import load
from seqvae.cli.printing import bars, metric_lines, print_json
from seqvae.errors import DataError

if TYPE_CHECKING:
    from seqvae.recognition.classifier import Classifier
    from seqvae.vae import SeqVAE

log = logging.getLogger("seqvae")
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Of the classifier: epochs=20 encoder.hidden=256 augmentation=strokes."),
]
Label = Annotated[str | None, typer.Option(help="The column of class labels, where the run did not name one.")]
MOST = 20  # classes shown


def fit_classifier(
    run: Run,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to put the classifier.")],
    settings: Settings = None,
    label: Label = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Teach a small classifier the classes of a run's training records, to judge models by with `seqvae recognise`.

    The model of the run has no part in it: only its data and its tokenizer do.
    """
    from seqvae.evaluation.recognition import accuracy
    from seqvae.recognition.classifier import Classifier
    from seqvae.recognition.fitting import fit_network
    from seqvae.recognition.settings import load as load_settings

    vae = _labelled(load(run), label)
    chosen = load_settings(settings or [], vae.recipe.training.augmentation)
    splits = find_splits(vae)
    if splits["train"].labels is None:
        raise DataError(f"{vae.recipe.data.source} has no class labels to learn; name their column with --label COLUMN")
    network, classes = fit_network(splits["train"], vae.codec, chosen, seed or 0)
    recipe = vae.recipe.to_config()
    classifier = Classifier(network, vae.codec, recipe["modality"], recipe["tokenizer"], chosen, classes)
    split, held_out = held_out_of(splits)
    measured = {"classes": len(classes), "split": split, **accuracy(classifier, held_out, vae.codec)}
    classifier.facts = {**measured, "source": vae.recipe.data.source, "data_sha256": _data_of(vae)}
    classifier.save(out)
    if as_json:
        print_json({"out": str(out), **measured})
        return
    typer.echo(
        f"{out}: tells {measured['classes']} classes apart, {100 * measured['accuracy']:.1f} % right on {measured['count']:,} "
        f"{measured['split']} records (the commonest class alone: {100 * measured['commonest']:.1f} %)"
    )


def recognise(
    run: Run,
    classifier: Annotated[Path, typer.Option("--classifier", metavar="DIR", help="What fit-classifier has written.")],
    split: Annotated[Split, typer.Option(help="Which real records to reconstruct.")] = Split.test,
    limit: Annotated[int, typer.Option(min=1, help="Most of them.")] = 2500,
    samples: Annotated[int, typer.Option("-n", min=1, help="Samples of the prior.")] = 1000,
    temperature: Temperature = 1.0,
    label: Label = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 0,
    as_json: Json = False,
) -> None:
    """Ask a classifier whether a run's reconstructions and samples look like what they should be."""
    from seqvae.evaluation.recognition import recognition_metrics
    from seqvae.recognition.classifier import Classifier

    vae = _labelled(load(run), label)
    judge = Classifier.load(classifier)
    _check_fit(judge, vae, classifier)
    store = find_split(vae, split.value)
    precision = vae.recipe.evaluation.precision
    options: dict[str, Any] = {"limit": limit, "samples": samples, "temperature": temperature, "seed": seed}
    found = recognition_metrics(vae, judge, store, split=split.value, precision=precision, **options)
    if as_json:
        print_json(found)
        return
    shares: dict[str, float] = found.pop("sampled_classes")
    more = [f"and {len(shares) - MOST} further classes"] if len(shares) > MOST else []
    shown = bars(dict(list(shares.items())[:MOST]))
    typer.echo("\n".join([*metric_lines(found), "", "share of each class among the samples", *shown, *more]))


def _labelled(vae: SeqVAE, column: str | None) -> SeqVAE:
    """The run, its data with the class labels of a column."""
    if column is not None:
        vae.recipe = replace(vae.recipe, data=replace(vae.recipe.data, label=column))
    return vae


def _check_fit(judge: Classifier, vae: SeqVAE, folder: Path) -> None:
    """Refuse a classifier of other records; warn of one that may have learnt what is held out here."""
    kinds = judge.modality["kind"], vae.modality.name
    if kinds[0] != kinds[1]:
        raise DataError(f"the classifier in {folder} reads records of {kinds[0]}, and this run writes {kinds[1]}")
    if judge.facts.get("data_sha256") != _data_of(vae):
        log.warning(
            "the classifier learnt from %s, and this run from %s: it may know records that are held out here, or other classes",
            judge.facts.get("source"),
            vae.recipe.data.source,
        )


def _data_of(vae: SeqVAE) -> Any:
    """The hashes of the data that a run was trained on."""
    return vae.metrics.get("made", {}).get("data_sha256")
