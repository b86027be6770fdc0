"""A model in use rather than in training: dropout off, no gradients, and every module's mode put back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; on leaving, each module is in the mode that it had.

    `no_grad`, not `inference_mode`: a latent that comes out may later be climbed by gradients, and whatever a part caches while
    it validates may later be trained through.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def device_of(model: nn.Module) -> torch.device:
    """Where the model's parameters are; the CPU for a model without any."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Chance as from a fresh generator with this seed; the global ones go on afterwards as if nothing had been drawn.

    None leaves chance to the global generators.
    """
    if seed is None:
        yield
        return
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(seed)
        yield
