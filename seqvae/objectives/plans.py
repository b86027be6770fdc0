"""Update plans: how parameters are updated, apart from what is minimised.

The trainer hands a plan its engine, the micro-batches of one step and the step's number; the plan decides which parameters move,
how often and by which optimiser. The trainer knows no plan, and a plan knows no objective.

A plan that moves the two sides of a model apart calls them `encoder` (encoder and posterior) and `decoder` (all else that learns).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.objectives.loss import Loss
from seqvae.registry import register

Side = Literal["encoder", "decoder"]
ENCODER = ("encoder", "posterior")  # parts of a model


class Engine(Protocol):
    """What a plan may ask of the trainer."""

    model: nn.Module
    objective: nn.Module

    def accumulate(self, batches: Sequence[SequenceBatch], step: int, only: Collection[str] | None = None) -> list[Loss]:
        """Forward and backward over the micro-batches; gradients add up to those of the mean over all sequences of all ranks.

        `only` names the optimisers that will step: the others' gradients need not be worked out.
        """

    def update(self, optimizer: str) -> bool:
        """Clip, check, step and zero one named optimiser; false if the gradient was not finite and nothing moved."""

    def across_mean(self, mean: Tensor) -> Tensor:
        """The mean over all processes of a per-process mean."""

    def draw(self, count: int) -> list[SequenceBatch]:
        """So many further micro-batches of the training data, by chance."""

    def renew(self, parts: Collection[str]) -> None:
        """Initialise these parts of the model again, and forget what the optimisers know of them."""


class UpdatePlan:
    """One way of updating. A plan that remembers something keeps it in `state_dict`; most remember nothing."""

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """The parameters of each optimiser, by the optimiser's name."""
        raise NotImplementedError

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """One global step."""
        raise NotImplementedError

    def validated(self, metrics: Mapping[str, float]) -> None:
        """Told the validation metrics each time they are measured."""

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, to be stored as JSON."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""


@register("plan", "joint")
class Joint(UpdatePlan):
    """All parameters together, one optimiser, once a step."""

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """Everything under one optimiser named `joint`."""
        return {"joint": learning(model, objective)}

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """Accumulate over the micro-batches, then update once."""
        losses = engine.accumulate(batches, step)
        engine.update("joint")
        return losses


def learning(*modules: nn.Module) -> list[nn.Parameter]:
    """The parameters that are not frozen, each once."""
    unique = {id(p): p for module in modules for p in module.parameters() if p.requires_grad}
    return list(unique.values())


def sides(model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The parameters of both sides, each once; what both use belongs to the encoder."""
    encoder = learning(*(getattr(model, part) for part in ENCODER))
    held = {id(p) for p in encoder}
    return {"encoder": encoder, "decoder": [p for p in learning(model, objective) if id(p) not in held]}
