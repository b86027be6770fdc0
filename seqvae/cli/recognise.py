"""`seqvae fit-classifier` and `seqvae recognise`: do a model's records look like what they should be?"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Run, Temperature
from seqvae.cli.evaluate import Split, choose_split, find_data, held_out_of
from seqvae.cli.explore import load
from seqvae.cli.printing import bars, metric_lines, print_json
from seqvae.errors import DataError

if TYPE_CHECKING:
    from seqvae.data.prepare import Prepared
    from seqvae.recognition.classifier import Classifier
    from seqvae.vae import SeqVAE

log = logging.getLogger("seqvae")
Settings = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Of the classifier: epochs=20 encoder.hidden=256 augmentation=strokes."),
]
MOST = 20  # classes shown


def fit_classifier(
    run: Run,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to put the classifier.")],
    settings: Settings = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the order and the augmentation.")] = 0,
    as_json: Json = False,
) -> None:
    """Teach a small classifier the classes of a run's training records, to judge models by with `seqvae recognise`.

    The model of the run has no part in it: only its data and its tokenizer do.
    """
    from seqvae.evaluation.recognition import accuracy
    from seqvae.recognition import settings as classifier_settings
    from seqvae.recognition.classifier import Classifier, check_place
    from seqvae.recognition.fitting import fit_network

    check_place(out)
    vae = load(run)
    recipe = vae.recipe
    chosen = classifier_settings.load(settings or [], recipe.training.augmentation)
    data = find_data(vae)
    if not data.classes:
        raise DataError(f"{recipe.data.source} has no class labels to learn; train a run with data.label=COLUMN, and give that")
    network = fit_network(data.splits["train"], vae.codec, len(data.classes), chosen, seed)
    classifier = Classifier(network, vae.codec, vae.modality.name, recipe.tokenizer, chosen, data.classes)
    split, held_out = held_out_of(data.splits)
    measured = {"classes": len(data.classes), "split": split, **accuracy(classifier, held_out, vae.codec)}
    classifier.facts = {**measured, "source": recipe.data.source, "data_sha256": data.source_sha256}
    classifier.save(out)
    if as_json:
        print_json({"out": str(out), **measured})
    else:
        typer.echo(_as_sentence(out, measured))


def recognise(
    run: Run,
    classifier: Annotated[Path, typer.Option("--classifier", metavar="DIR", help="What fit-classifier has written.")],
    split: Annotated[Split, typer.Option(help="Which real records to reconstruct.")] = Split.test,
    limit: Annotated[int, typer.Option(min=1, help="Most of them.")] = 2500,
    samples: Annotated[int, typer.Option("-n", min=1, help="Samples of the prior.")] = 1000,
    temperature: Temperature = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the samples.")] = 0,
    as_json: Json = False,
) -> None:
    """Ask a classifier whether a run's reconstructions and samples look like what they should be."""
    from seqvae.evaluation.recognition import recognition_metrics
    from seqvae.recognition.classifier import Classifier

    judge = Classifier.load(classifier)
    vae = load(run)
    data = find_data(vae)
    _check_fit(judge, vae, data, classifier)
    found = recognition_metrics(
        vae,
        judge,
        choose_split(vae, data.splits, split.value),
        split=split.value,
        limit=limit,
        samples=samples,
        temperature=temperature,
        seed=seed,
        precision=vae.recipe.evaluation.precision,
    )
    if as_json:
        print_json(found)
    else:
        typer.echo(_as_text(found))


def _check_fit(judge: Classifier, vae: SeqVAE, data: Prepared, folder: Path) -> None:
    """Refuse a classifier of other records or classes; warn of one that may have learnt what is held out here."""
    if judge.modality != vae.modality.name:
        raise DataError(f"the classifier in {folder} reads records of {judge.modality}, and this run writes {vae.modality.name}")
    if data.classes and data.classes != judge.classes:
        raise DataError(
            f"the classifier in {folder} knows other classes ({_listed(judge.classes)}) than this run's data has "
            f"({_listed(data.classes)}); fit one to this run with seqvae fit-classifier"
        )
    if judge.facts.get("data_sha256") != data.source_sha256:
        source = judge.facts.get("source")
        log.warning("the classifier learnt from other data (%s): it may know records that are held out here", source)


def _as_sentence(out: Path, measured: dict[str, Any]) -> str:
    """What a new classifier is worth."""
    known = f"{out}: tells {measured['classes']} classes apart"
    if not measured["count"]:
        return f"{known}; how well is not known: no {measured['split']} record has a label"
    return (
        f"{known}, {100 * measured['accuracy']:.1f} % right on {measured['count']:,} {measured['split']} records "
        f"(the commonest class alone: {100 * measured['commonest']:.1f} %)"
    )


def _as_text(found: dict[str, Any]) -> str:
    """The numbers, then the classes of the samples as bars."""
    shares = {name or "(none)": share for name, share in found["sampled_classes"].items()}
    shown = bars(dict(list(shares.items())[:MOST]))
    more = [f"and {len(shares) - MOST} further classes"] if len(shares) > MOST else []
    numbers = metric_lines({name: value for name, value in found.items() if name != "sampled_classes"})
    return "\n".join([*numbers, "", "share of each class among the samples", *shown, *more])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
