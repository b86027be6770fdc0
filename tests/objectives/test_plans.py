"""What every update plan must do, against an engine that takes notes and moves nothing. A new plan is one line in `CASES`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqvae import registry, schema
from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.model import SequenceModel
from seqvae.objectives.elbo import Elbo
from seqvae.objectives.loss import Loss
from seqvae.steps import StepSpec

CASES: list[dict[str, Any]] = [
    {"kind": "joint"},
    {"kind": "aggressive_encoder"},
    {"kind": "adversarial", "turns": 2},
    {"kind": "phases", "phases": [{"steps": 2, "train": ["encoder"]}, {"steps": 3, "reset": ["decoder"]}, {}]},
]
AAE = {"preset": "aae", "alpha": 1.0, "scaling": 10.0, "divergence": {"kind": "adversarial", "hidden": 8}}


class NotingEngine:
    """Records what a plan asks for; the losses it hands out are `losses` in turn, then zeros."""

    def __init__(self, model: nn.Module, objective: nn.Module, drawn: SequenceBatch, losses: Iterable[float] = ()) -> None:
        self.model, self.objective, self.drawn = model, objective, drawn
        self.losses = iter(losses)
        self.calls: list[tuple[str, Any]] = []

    def accumulate(self, batches: Sequence[SequenceBatch], step: int, only: Collection[str] | None = None) -> list[Loss]:
        self.calls.append(("accumulate", None if only is None else tuple(only)))
        value = next(self.losses, 0.0)
        return [Loss(torch.full((len(batch),), value), {}, {"beta": 1.0}) for batch in batches]

    def update(self, optimizer: str) -> bool:
        self.calls.append(("update", optimizer))
        return True

    def draw(self, count: int) -> list[SequenceBatch]:
        self.calls.append(("draw", count))
        return [self.drawn] * count

    def renew(self, parts: Collection[str]) -> None:
        self.calls.append(("renew", tuple(parts)))

    def across_mean(self, mean: Tensor) -> Tensor:
        return mean

    def count(self, name: str, what: Any) -> int:
        return self.calls.count((name, what))


def build(config: dict[str, Any]) -> Any:
    problems: list[str] = []
    checked = schema.check_part("plan", config, "plan", problems)
    assert not problems, problems
    return registry.build("plan", checked)


@pytest.fixture(params=CASES, ids=str)
def plan(request: pytest.FixtureRequest) -> Any:
    return build(dict(request.param))


@pytest.fixture
def model(make_model: Callable[..., SequenceModel]) -> SequenceModel:
    return make_model()


@pytest.fixture
def objective(model: SequenceModel) -> nn.Module:
    """One with weights of its own, which every plan must serve."""
    return registry.build("objective", AAE, event_shape=model.event_shape)


@pytest.fixture
def batch(tokens: StepSpec, make_batch: Callable[..., SequenceBatch]) -> SequenceBatch:
    return make_batch(tokens)


@pytest.fixture
def engine(model: SequenceModel, objective: nn.Module, batch: SequenceBatch) -> NotingEngine:
    return NotingEngine(model, objective, batch)


def test_every_registered_plan_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("plan"))


def test_every_parameter_belongs_to_one_optimiser(plan: Any, model: SequenceModel, objective: nn.Module) -> None:
    held = [p for parameters in plan.parameters(model, objective).values() for p in parameters]
    everything = [*model.parameters(), *objective.parameters()]
    assert len(held) == len({id(p) for p in held})
    assert {id(p) for p in held} == {id(p) for p in everything}


def test_a_frozen_parameter_is_left_alone(plan: Any, model: SequenceModel, objective: nn.Module) -> None:
    model.likelihood.bias.requires_grad_(False)
    held = [p for parameters in plan.parameters(model, objective).values() for p in parameters]
    assert not any(p is model.likelihood.bias for p in held)


def test_a_step_returns_a_loss_a_micro_batch_and_updates_by_known_names(
    plan: Any, engine: NotingEngine, batch: SequenceBatch, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    for step in range(7):
        losses = plan.step(engine, [batch, make_batch(tokens, [3, 3])], step)
        assert [len(loss.per_sequence) for loss in losses] == [4, 2]
    names = plan.parameters(engine.model, engine.objective)
    updated = {what for name, what in engine.calls if name == "update"}
    assert updated == set(names)
    assert all(set(only) <= set(names) for name, only in engine.calls if name == "accumulate" and only is not None)


def test_nothing_is_updated_before_its_gradient(plan: Any, engine: NotingEngine, batch: SequenceBatch) -> None:
    """Between two passes no optimiser steps twice, and none steps that the pass left out."""
    for step in range(7):
        plan.step(engine, [batch], step)
    due: set[str] = set()
    for name, what in engine.calls:
        if name == "accumulate":
            due = set(plan.parameters(engine.model, engine.objective)) if what is None else set(what)
        elif name == "update":
            assert what in due
            due.remove(what)


def test_its_state_survives_json_and_goes_on_as_it_would_have(plan: Any, engine: NotingEngine, batch: SequenceBatch) -> None:
    other = type(plan).__new__(type(plan))
    other.__dict__.update({name: value for name, value in plan.__dict__.items() if name not in plan.state_dict()})
    for step in range(3):
        plan.step(engine, [batch], step)
    plan.validated({"elbo_nats": -10.0, "rate_nats": 1.0, "mi_nats": 0.5})
    state = json.loads(json.dumps(plan.state_dict()))
    other.load_state_dict(state)
    assert other.state_dict() == state
    engine.calls.clear()
    plan.step(engine, [batch], 3)
    calls = engine.calls.copy()
    engine.calls.clear()
    other.step(engine, [batch], 3)
    assert engine.calls == calls


# ---- joint ----


def test_joint_accumulates_then_updates_once(engine: NotingEngine, batch: SequenceBatch) -> None:
    build({"kind": "joint"}).step(engine, [batch] * 2, 3)
    assert engine.calls == [("accumulate", None), ("update", "joint")]


# ---- aggressive ----


def aggressive_steps(losses: Sequence[float], model: SequenceModel, batch: SequenceBatch, **settings: Any) -> int:
    """Inner steps of one aggressive step whose passes have these losses."""
    engine = NotingEngine(model, Elbo(), batch, losses)
    build({"kind": "aggressive_encoder", **settings}).step(engine, [batch], 0)
    assert engine.calls[-2:] == [("accumulate", ("decoder",)), ("update", "decoder")]
    return engine.count("update", "encoder")


@pytest.mark.parametrize(
    ("losses", "inner"),
    [
        ([9.0, 9.0, 8.0, 8.0, 7.0, 7.0, 6.0, 6.0, 5.0, 5.0], 10),  # improves to the cap
        ([9.0, 9.0, 8.0, 8.0, 8.0, 8.0, 1.0], 6),  # the third window is as the second
        ([9.0, 9.0, 10.0, 9.0, 1.0], 4),  # the second is worse than the first
    ],
)
def test_the_inner_loop_stops_at_the_first_window_that_does_not_improve(
    losses: list[float], inner: int, model: SequenceModel, batch: SequenceBatch
) -> None:
    assert aggressive_steps(losses, model, batch, window=2, most=10) == inner


def test_the_inner_loop_is_capped_and_draws_a_batch_less_than_it_steps(model: SequenceModel, batch: SequenceBatch) -> None:
    engine = NotingEngine(model, Elbo(), batch, range(1000, 0, -1))
    build({"kind": "aggressive_encoder", "most": 5}).step(engine, [batch, batch], 0)
    assert engine.count("update", "encoder") == 5
    assert engine.count("draw", 2) == 4


def test_losses_are_compared_by_the_token(model: SequenceModel, batch: SequenceBatch) -> None:
    """The drawn batch has twice the tokens and 1.5 times the loss: an improvement."""
    longer = SequenceBatch(batch.inputs.repeat(1, 2), batch.lengths * 2)
    engine = NotingEngine(model, Elbo(), longer, [4.0, 6.0, 1.0])
    build({"kind": "aggressive_encoder", "window": 1, "most": 3}).step(engine, [batch], 0)
    assert engine.count("update", "encoder") == 3


def test_aggression_ends_for_good_when_the_information_falls(engine: NotingEngine, batch: SequenceBatch) -> None:
    plan = build({"kind": "aggressive_encoder"})
    found = []
    for information in (0.5, 1.0, 1.0, 0.9, 5.0):
        plan.validated({"mi_nats": information})
        found.append(plan.step(engine, [batch], 0)[0].scalars["aggressive"])
    assert found == [1, 1, 1, 0, 0]
    engine.calls.clear()
    plan.step(engine, [batch], 0)
    assert engine.calls == [("accumulate", ("encoder", "decoder")), ("update", "encoder"), ("update", "decoder")]


def test_aggression_ends_without_information_or_at_its_last_step(engine: NotingEngine, batch: SequenceBatch) -> None:
    blind = build({"kind": "aggressive_encoder"})
    blind.validated({"elbo_nats": -3.0})
    assert blind.step(engine, [batch], 0)[0].scalars["aggressive"] == 0
    capped = build({"kind": "aggressive_encoder", "steps": 2})
    assert [capped.step(engine, [batch], step)[0].scalars["aggressive"] for step in range(3)] == [1, 1, 0]


# ---- adversarial ----


def test_the_adversary_takes_further_turns_on_further_batches(engine: NotingEngine, batch: SequenceBatch) -> None:
    build({"kind": "adversarial", "turns": 2}).step(engine, [batch], 0)
    assert engine.calls == [
        *[("accumulate", None), ("update", "model"), ("update", "adversary")],
        *[("draw", 1), ("accumulate", ("adversary",)), ("update", "adversary")],
    ]


def test_without_an_adversary_it_says_what_to_do(model: SequenceModel) -> None:
    with pytest.raises(ConfigError, match="needs an objective with a discriminator; give objective=aae, or plan=joint"):
        build({"kind": "adversarial"}).parameters(model, Elbo())


# ---- phases ----


def test_phases_train_and_reset_what_they_say_when_they_begin(engine: NotingEngine, batch: SequenceBatch) -> None:
    plan = build({"kind": "phases", "phases": [{"steps": 2, "train": ["encoder"]}, {"steps": 1, "reset": ["decoder"]}, {}]})
    found = []
    for step in range(5):
        engine.calls.clear()
        plan.step(engine, [batch], step)
        found.append([what for name, what in engine.calls if name in ("renew", "update")])
    assert found == [
        ["encoder"],
        ["encoder"],
        [("decoder", "likelihood"), "encoder", "decoder"],
        ["encoder", "decoder"],
        ["encoder", "decoder"],
    ]


@pytest.mark.parametrize(
    ("phases", "fragment"),
    [
        ([{"steps": 2}, {"steps": 3}], "every phase but the last has its steps"),
        ([{}, {}], "every phase but the last has its steps"),
    ],
)
def test_phases_without_an_end_or_with_too_many(phases: list[dict[str, int]], fragment: str) -> None:
    with pytest.raises(ConfigError, match=fragment):
        build({"kind": "phases", "phases": phases})


@pytest.mark.parametrize(
    ("phases", "fragment"),
    [
        ([{"step": 2}, {}], "extra inputs are not permitted"),
        ([{"steps": 0}, {}], "greater than 0"),
        ([{"steps": 2}, {"reset": ["prior"]}], "'encoder' or 'decoder'"),
        ([], "at least 1 item"),
        (None, "tuple"),
    ],
)
def test_phases_that_make_no_sense(phases: Any, fragment: str) -> None:
    problems: list[str] = []
    schema.check_part("plan", {"kind": "phases", "phases": phases}, "plan", problems)
    assert len(problems) == 1
    assert fragment in problems[0]
