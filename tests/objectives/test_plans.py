"""What every update plan must do, against an engine that only takes notes. A new plan is one line in `CASES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel
from seqvae.objectives.elbo import Elbo
from seqvae.objectives.loss import Loss
from seqvae.steps import StepSpec

CASES: list[dict[str, Any]] = [{"kind": "joint"}]


class NotingEngine:
    """Records what a plan asks for; nothing moves."""

    def __init__(self, model: nn.Module, objective: nn.Module) -> None:
        self.model, self.objective = model, objective
        self.calls: list[tuple[str, Any]] = []

    def accumulate(self, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        self.calls.append(("accumulate", (len(batches), step)))
        return [self.objective(self.model, batch, step) for batch in batches]

    def update(self, optimizer: str) -> bool:
        self.calls.append(("update", optimizer))
        return True


@pytest.fixture(params=CASES, ids=str)
def plan(request: pytest.FixtureRequest) -> Any:
    return registry.build("plan", dict(request.param))


@pytest.fixture
def model(make_model: Callable[..., SequenceModel]) -> SequenceModel:
    return make_model()


def test_every_registered_plan_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("plan"))


def test_every_parameter_belongs_to_one_optimiser(plan: Any, model: SequenceModel) -> None:
    objective = Elbo()
    held = [p for parameters in plan.parameters(model, objective).values() for p in parameters]
    everything = [*model.parameters(), *objective.parameters()]
    assert len(held) == len({id(p) for p in held})
    assert {id(p) for p in held} == {id(p) for p in everything}


def test_a_frozen_parameter_is_left_alone(plan: Any, model: SequenceModel) -> None:
    model.likelihood.bias.requires_grad_(False)
    held = [p for parameters in plan.parameters(model, Elbo()).values() for p in parameters]
    assert not any(p is model.likelihood.bias for p in held)


def test_a_step_returns_a_loss_a_micro_batch(
    plan: Any, model: SequenceModel, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    engine = NotingEngine(model, Elbo())
    batches = [make_batch(tokens), make_batch(tokens, [3, 3])]
    losses = plan.step(engine, batches, 7)
    assert [len(loss.per_sequence) for loss in losses] == [4, 2]
    assert any(name == "update" for name, _ in engine.calls)


def test_its_state_survives_json(plan: Any) -> None:
    import json

    plan.validated({"elbo_nats": -10.0, "rate_nats": 1.0})
    state = json.loads(json.dumps(plan.state_dict()))
    plan.load_state_dict(state)
    assert plan.state_dict() == state


def test_joint_accumulates_then_updates_once(
    model: SequenceModel, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    engine = NotingEngine(model, Elbo())
    with torch.no_grad():
        registry.build("plan", {"kind": "joint"}).step(engine, [make_batch(tokens)] * 2, 3)
    assert engine.calls == [("accumulate", (2, 3)), ("update", "joint")]
