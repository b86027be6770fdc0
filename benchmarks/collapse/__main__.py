"""Make or go on with the cure table.

    python -m benchmarks.collapse [--rows none,free_bits] [--seeds 0,1,2] [--data yelp_short] [--costs]

Trains each row that has no result yet (an interrupted one goes on where it stopped), measures it on the test split, writes
`results/collapse/DATA-ROW-SEED.json`, and brings the table in `results/collapse.md` up to date. `--costs` trains nothing: it
measures what a step of each row costs, where that is not known yet.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from benchmarks.collapse.cost import measure_costs
from benchmarks.collapse.rows import DATA, ROWS, row_recipe
from benchmarks.collapse.table import FOLDER, costs_path, result_path, write_page
from benchmarks.run import measure
from seqvae import registry
from seqvae.data.prepare import prepare
from seqvae.recipe import Recipe
from seqvae.training.run import resume, train

RUNS = Path("runs/collapse")


def main(rows: list[str], seeds: list[int], data: str) -> None:
    """Every row under every seed."""
    for seed in seeds:
        for row in rows:
            if not result_path(row, data, seed).exists():
                logging.info("---- %s, seed %d", row, seed)
                make(row, data, seed)
                write_page()
    write_page()


def make(row: str, data: str, seed: int) -> None:
    """Train or go on, measure, write the result."""
    run = RUNS / f"{data}-{row}-{seed}"
    recipe = row_recipe(row, data, seed, run)
    trained = resume(run) if (run / "checkpoints").is_dir() else train(recipe)
    if trained.interrupted is not None:
        sys.exit(f"stopped by {trained.interrupted}; the same command goes on")
    result = measure(run, recipe) | {
        "changes": ROWS[row],
        "command": f"python -m benchmarks.collapse --rows {row} --seeds {seed} --data {data}",
        "seconds_per_epoch": _tokens(recipe) / trained.tokens_per_second,
    }
    FOLDER.mkdir(exist_ok=True)
    result_path(row, data, seed).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _tokens(recipe: Recipe) -> int:
    """Tokens of an epoch, ends counted."""
    modality = registry.build("modality", recipe.modality)
    return int(prepare(recipe.data, modality, recipe.tokenizer, recipe.seed).splits["train"].lengths.sum())


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collapse", description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="names of rows; all of them by default")
    parser.add_argument("--seeds", default="0", help="0,1,2")
    parser.add_argument("--data", default="yelp_short", choices=DATA)
    parser.add_argument("--costs", action="store_true", help="measure the cost of a step instead")
    given = parser.parse_args()
    wanted = given.rows.split(",")
    if unknown := [row for row in wanted if row not in ROWS]:
        parser.error(f"unknown rows {', '.join(unknown)}; known: {', '.join(ROWS)}")
    if given.costs:
        measure_costs(wanted, given.data, costs_path(given.data))
        write_page()
        sys.exit()
    main(wanted, [int(seed) for seed in given.seeds.split(",")], given.data)
