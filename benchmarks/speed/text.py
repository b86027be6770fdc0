"""Everything that is timed about text, as one JSON-able result and as tables."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.speed import inference, preparing, training
from benchmarks.speed.corpus import corpus
from benchmarks.speed.timing import Ratio
from benchmarks.speed.training import Learning, Size
from seqvae import __version__
from seqvae.training.precision import resolve_precision


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    sizes: tuple[Size, ...]
    turns: int
    batches: int
    learning_sentences: int
    epochs: int
    nll_batches: int
    nll_samples: int
    drawn: int
    prepared: int


FULL = Effort((Size(256, 256), Size(512, 1024)), 3, 12, 3000, 2, 8, 500, 256, 40_000)
QUICK = Effort((Size(16, 16), Size(16, 32)), 3, 4, 320, 1, 2, 50, 32, 500)


def measure(quick: bool) -> dict[str, Any]:
    """The whole benchmark; `quick` only shows that it runs."""
    effort = QUICK if quick else FULL
    ratios: list[Ratio] = []
    learnt: list[Learning] = []
    with tempfile.TemporaryDirectory() as folder:
        everything = corpus(Path(folder) / "all")
        few = corpus(Path(folder) / "few", effort.learning_sentences)
        for size in effort.sizes:
            ratios += training.speed(everything, size, effort.turns, effort.batches)
            results, baseline, model = training.learning(few, size, effort.epochs)
            learnt += results
            if size == effort.sizes[0]:
                both = baseline, model
        found, agreement = inference.nll(few, *both, effort.turns, effort.nll_batches, effort.nll_samples)
        ratios += [*found, inference.sampling(*both, effort.turns, effort.drawn)]
    return {
        "benchmark": "speed text" + (" --quick" if quick else ""),
        "corpus": everything.name,
        "threads": torch.get_num_threads(),
        "hardware": torch.backends.cpu.get_cpu_capability(),
        "precision": resolve_precision("auto", torch.device("cpu")),
        "versions": {"seqvae": __version__, "torch": torch.__version__},
        "ratios": [ratio.to_json() for ratio in ratios],
        "learning": [{**asdict(result), "difference": result.difference} for result in learnt],
        "nll_agreement": agreement,
        "prepare": preparing.preparing(effort.prepared),
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The result as tables."""
    console.print(ratio_table(result))
    console.print(_learning(result))
    for name, numbers in result["nll_agreement"].items():
        apart = "" if name == "textbook" else f", {numbers['standard_errors_apart']:.1f} standard errors from the textbook's"
        console.print(f"NLL, {name}: {numbers['nll_nats']:.3f} +- {numbers['stderr_nats']:.3f} nats per sentence{apart}")
    console.print(_preparing(result))


def ratio_table(result: dict[str, Any]) -> Table:
    """Work per second of both sides, and the ratio beside its aim."""
    table = Table("what", "unit/s", "textbook", "ours", "ratio: min", "median", "max", "aim", title="ours against the textbook")
    for row in result["ratios"]:
        middle = [f"{sorted(row[side])[len(row[side]) // 2]:.4g}" for side in ("textbook", "ours")]
        ratio = [f"{row['ratio'][name]:.2f}" for name in ("min", "median", "max")]
        table.add_row(row["name"], row["unit"], *middle, *ratio, "" if row["target"] is None else f">= {row['target']}")
    return table


def _learning(result: dict[str, Any]) -> Table:
    columns = ("size", "sentences", "epochs", "batches", "updates", "start", "textbook", "ours", "difference")
    table = Table(*columns, title="held-out -ELBO, nats per sentence")
    for row in result["learning"]:
        updates = "{} / {}".format(*row["updates"])
        losses = [f"{row[name]:.3f}" for name in ("start", "textbook", "ours")]
        table.add_row(
            row["size"],
            str(row["sentences"]),
            str(row["epochs"]),
            row["batches"],
            updates,
            *losses,
            f"{100 * row['difference']:+.2f} %",
        )
    return table


def _preparing(result: dict[str, Any]) -> Table:
    table = Table("tokenizer", "sentences", "per minute", "idle MB", "peak MB", title="prepare")
    for row in result["prepare"]:
        numbers = [f"{row[name]:,.0f}" for name in ("records", "sentences_per_minute", "idle_mb", "peak_mb")]
        table.add_row(row["tokenizer"], *numbers)
    return table
