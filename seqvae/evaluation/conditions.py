"""The conditions under which a model is measured.

Evaluation mode, no gradients, a chosen precision, and a random stream of its own: torch's global generator is put back as it was,
so that a training run which stops to validate goes on bit for bit as one which does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch
from torch import nn

from seqvae.inference import device_of, evaluating, seeded

Precision = Literal["fp32", "bf16"]


@contextmanager
def measuring(model: nn.Module, seed: int, precision: Precision | None = None) -> Iterator[torch.device]:
    """Measure `model` inside; gives the device it is on.

    Args:
        model: each of its modules is in the mode that it had, afterwards.
        seed: of every draw inside.
        precision: of matrix products (sums stay float32); None leaves the caller's autocast as it is.
    """
    device = device_of(model)
    with evaluating(model), seeded(seed):
        if precision is None:
            yield device
            return
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            yield device


def tracked(batches: Sequence[np.ndarray], costs: np.ndarray, what: str) -> Iterator[np.ndarray]:
    """`batches` in turn, with a progress bar on a stderr that somebody watches. `costs` is the work in each record, by row."""
    if not sys.stderr.isatty():
        yield from batches
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=float(sum(costs[rows].sum() for rows in batches)))
        for rows in batches:
            yield rows
            progress.advance(task, float(costs[rows].sum()))
