"""What a cure costs: processor time of its training step over that of plain ELBO, the two in turn in one process.

Processor time rather than wall time, in turn rather than one after the other: a busy machine slows both alike. Unlike time per
epoch it can be compared between rows that were run on different days.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.collapse.rows import row_recipe
from seqvae.training.run import trainer_of
from seqvae.training.trainer import Trainer

TURNS, STEPS = 5, 3


def cost(row: str, data: str, folder: Path, turns: int = TURNS) -> float:
    """Processor seconds of a training step as a multiple of the uncured model's: the median over `turns`."""
    sides = [_stepper(trainer_of(row_recipe(name, data), folder)) for name in ("none", row)]
    for step in sides:
        step()  # warm up
    ratios = []
    for _ in range(turns):
        plain, cured = (step() for step in sides)
        ratios.append(cured / plain)
    return statistics.median(ratios)


def _stepper(trainer: Trainer) -> Callable[[], float]:
    """Takes the same `STEPS` steps each time, from where the weights stand; gives their processor seconds."""
    batches = [trainer.train_store.batch(rows) for rows in trainer.order[:STEPS]]

    def step() -> float:
        torch.manual_seed(0)
        start = time.process_time()
        for batch in batches:
            trainer.plan.step(trainer.engine, [batch], 0)
        return time.process_time() - start

    return step
