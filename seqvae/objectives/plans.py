"""Update plans: how parameters are updated, apart from what is minimised.

The trainer hands a plan its engine, the micro-batches of one step and the step's number; the plan decides which parameters move,
how often and by which optimiser. The trainer knows no plan, and a plan knows no objective.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import nn

from seqvae.batch import SequenceBatch
from seqvae.objectives.loss import Loss
from seqvae.registry import register


class Engine(Protocol):
    """What a plan may ask of the trainer."""

    model: nn.Module
    objective: nn.Module

    def accumulate(self, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """Forward and backward over the micro-batches; gradients add up to those of the mean over all sequences of all ranks."""

    def update(self, optimizer: str) -> bool:
        """Clip, check, step and zero one named optimiser; false if the gradient was not finite and nothing moved."""


class UpdatePlan(Protocol):
    """One way of updating; stateful plans keep their state in `state_dict`."""

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """The parameters of each optimiser, by the optimiser's name."""

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """One global step."""

    def validated(self, metrics: Mapping[str, float]) -> None:
        """Told the validation metrics each time they are measured."""

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, to be stored as JSON."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""


@register("plan", "joint")
class Joint:
    """All parameters together, one optimiser, once a step."""

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """Everything under one optimiser named `joint`."""
        return {"joint": [p for module in (model, objective) for p in module.parameters() if p.requires_grad]}

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """Accumulate over the micro-batches, then update once."""
        losses = engine.accumulate(batches, step)
        engine.update("joint")
        return losses

    def validated(self, metrics: Mapping[str, float]) -> None:
        """Nothing depends on validation."""

    def state_dict(self) -> dict[str, Any]:
        """No state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """No state."""
