"""What a cure costs: processor time of its training step over that of plain ELBO, the two in turn in one process.

Processor time rather than wall time, in turn rather than one after the other: a busy machine slows both alike. Unlike seconds an
epoch it can be compared between rows that were run on different days. The aggressive plan is measured while it is on.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.collapse.rows import row_recipe
from seqvae.training.run import trainer_of

TURNS, STEPS = 7, 4


def measure_costs(rows: Sequence[str], data: str, path: Path) -> None:
    """Add the rows that a file of costs lacks: `{row: [least, median, greatest ratio over the turns]}`."""
    known = read_costs(path)
    for row in (row for row in rows if row not in known):
        ratios = cost(row, data)
        known[row] = [min(ratios), statistics.median(ratios), max(ratios)]
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def read_costs(path: Path) -> dict[str, list[float]]:
    """What `measure_costs` wrote; nothing where it has not."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def cost(row: str, data: str, turns: int = TURNS) -> list[float]:
    """Processor seconds of a training step as a multiple of the uncured model's, turn by turn."""
    sides = [_stepper(name, data) for name in ("none", row)]
    for step in sides:
        step()  # warm up
    pairs = [(sides[0](), sides[1]()) for _ in range(turns)]
    return [cured / plain for plain, cured in pairs]


def _stepper(row: str, data: str) -> Callable[[], float]:
    """Takes the same `STEPS` batches each time, from where the weights stand; gives the processor seconds."""
    trainer = trainer_of(row_recipe(row, data), Path("unused"))
    batches = [trainer.train_store.batch(rows) for rows in trainer.order[:STEPS]]

    def step() -> float:
        torch.manual_seed(0)
        start = time.process_time()
        for batch in batches:
            trainer.plan.step(trainer.engine, [batch], 0)
        return time.process_time() - start

    return step
