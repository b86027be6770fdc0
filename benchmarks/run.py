"""Train a shipped recipe, measure it on its test split, and write down everything that made the numbers.

    python -m benchmarks.run text-lstm-ptb [key=value ...]

Interrupted, the same command goes on where it stopped. The result is `benchmarks/results/NAME.json`: the metrics with the command,
the seed, the hardware and the hash of the data; on other data than the recipe's, `NAME-DATA.json`.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqvae import recipe as recipes
from seqvae.data.prepare import prepare
from seqvae.errors import SeqVAEError
from seqvae.evaluation.card import as_text, evaluate
from seqvae.recipe import Recipe
from seqvae.training.run import read_metrics, resume, train
from seqvae.vae import SeqVAE

RESULTS = Path(__file__).parent / "results"


def main(name: str, overrides: list[str]) -> None:
    """Train or resume, evaluate, write the result."""
    recipe = recipes.load(name, [f"out=runs/benchmark-{Path(name).stem}", *overrides])
    assert recipe.out is not None
    run = Path(recipe.out)
    ended = resume(run) if (run / "checkpoints").is_dir() else train(recipe)
    if ended.interrupted:
        sys.exit(f"{ended.interrupted} at step {ended.steps:,}: the same command goes on, and measures")
    command = " ".join(["python -m benchmarks.run", name, *(each for each in overrides if not each.startswith("out="))])
    result = measure(run, recipe) | {"command": command}
    path = result_path(name, recipe)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(as_text(result["metrics"]))
    print(f"written to {path}")


def result_path(name: str, recipe: Recipe) -> Path:
    """Where the result of a recipe on some data goes."""
    source, usual = recipe.data.source, recipes.load(name).data.source
    return RESULTS / f"{Path(name).stem}{'' if source == usual else '-' + Path(source).stem}.json"


def measure(run: Path, recipe: Recipe) -> dict[str, Any]:
    """The best model of a run on the test split, with what made it."""
    vae = SeqVAE.from_pretrained(run)
    splits = prepare(recipe.data, vae.modality, recipe.tokenizer, recipe.seed).splits
    start = time.perf_counter()
    settings = recipe.evaluation
    metrics = evaluate(
        vae,
        splits["test"],
        split="test",
        samples=settings.samples,
        rows=settings.rows,
        limit=settings.limit,
        precision=settings.precision,
        training=splits["train"],
        generation=settings.generation,
    )
    lines = read_metrics(run)
    training = [line for line in lines if line["kind"] == "train"][-1]
    valid = [line for line in lines if line["kind"] == "valid"]
    return {
        "metrics": metrics,
        "evaluation_seconds": round(time.perf_counter() - start),
        "training": {key: training[key] for key in ("step", "epoch", "seconds")},
        "validation": [{key: line[key] for key in ("epoch", "elbo_nats", "rate_nats")} for line in valid],
        "made": vae.metrics.get("made", vae.metrics),
        "seed": recipe.seed,
        "recipe": replace(recipe, out=None).to_config(),
    }


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if len(sys.argv) < 2:
        sys.exit(f"usage: python -m benchmarks.run RECIPE [key=value ...]; recipes: {', '.join(recipes.shipped())}")
    try:
        main(sys.argv[1], sys.argv[2:])
    except SeqVAEError as error:
        sys.exit(f"error: {error}")
