"""The registry: one decorated class is a new choice, its signature is its schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import pytest
import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from seqvae import registry, schema
from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.model import build_model
from seqvae.objectives.elbo import Elbo
from seqvae.objectives.schedules import Schedule
from seqvae.registry import Part, register
from seqvae.steps import StepEmbedding, StepSpec


class BagEncoder(nn.Module):
    """The mean embedding: a toy part."""

    def __init__(self, steps: StepSpec, *, size: PositiveInt = 6) -> None:
        super().__init__()
        self.embedding = StepEmbedding(steps, size)
        self.width = self.embedding.width

    def forward(self, batch: SequenceBatch) -> Tensor:
        mask = batch.mask.unsqueeze(-1)
        return (self.embedding(batch.inputs) * mask).sum(1) / batch.lengths.unsqueeze(-1)


class Nest:
    """A part that holds parts."""

    def __init__(
        self,
        wired: int,
        *,
        inner: Annotated[Schedule, Part("schedule")],
        maybe: Annotated[Schedule | None, Part("schedule")] = None,
        plain: int = 3,
    ) -> None:
        self.wired, self.inner, self.maybe, self.plain = wired, inner, maybe, plain


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for kind in registry.KINDS:
        registry.entries(kind)
        monkeypatch.setitem(registry._ENTRIES, kind, dict(registry._ENTRIES[kind]))


def test_a_toy_part_works_from_its_name_to_a_trained_step(
    model_config: dict[str, Any], tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    register("encoder", "bag")(BagEncoder)
    assert "bag" in registry.names("encoder")
    problems: list[str] = []
    checked = schema.check_part("encoder", "bag", "model.encoder", problems)
    assert (checked, problems) == ({"kind": "bag", "size": 6}, [])
    model = build_model(tokens, {**model_config, "encoder": {"kind": "bag", "size": 5}})
    assert model.posterior.moments.in_features == 5
    Elbo()(model, make_batch(tokens), 0).total.backward()
    assert model.encoder.embedding.table.weight.grad.abs().max() > 0


def test_nested_parts_are_built_first_and_absent_ones_stay_absent() -> None:
    register("plan", "nest")(Nest)
    config = {"kind": "nest", "inner": {"kind": "linear", "steps": 2}, "maybe": None}
    nest = registry.build("plan", config, 7)
    assert (nest.wired, nest.plain, nest.maybe) == (7, 3, None)
    assert nest.inner(1) == 0.5


def test_configuration_is_the_keyword_only_parameters() -> None:
    found = registry.configuration(Nest)
    assert list(found) == ["inner", "maybe", "plain"]
    assert found["inner"][1] is inspect.Parameter.empty
    assert found["plain"] == (int, 3)
    assert registry.part_of(found["inner"][0]) == registry.part_of(found["maybe"][0]) == Part("schedule")
    assert registry.part_of(found["plain"][0]) is None
    assert registry.part_of(Annotated[Schedule, Part("plan")] | None) == Part("plan")


def test_a_class_without_a_constructor_has_nothing_to_configure() -> None:
    class Nothing:
        pass

    assert registry.configuration(Nothing) == {}


def test_a_name_belongs_to_one_class() -> None:
    register("encoder", "bag")(BagEncoder)
    register("encoder", "bag")(BagEncoder)  # a reloaded module registers again

    with pytest.raises(ValueError, match=r"encoder 'bag' is already .*BagEncoder"):
        register("encoder", "bag")(Nest)
    namesake = type("BagEncoder", (nn.Module,), {"__module__": "elsewhere"})
    with pytest.raises(ValueError, match="already"):
        register("encoder", "bag")(namesake)


def test_unknown_kinds_and_names_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'encoder'"):
        register("encodr", "x")
    with pytest.raises(ConfigError, match=r"unknown encoder 'rn'; did you mean 'rnn'\?"):
        registry.lookup("encoder", "rn")
    with pytest.raises(ConfigError, match=r"unknown encoder 'xyz'; known: .*rnn"):
        registry.lookup("encoder", "xyz")


@pytest.mark.parametrize("kind", list(registry.KINDS))
def test_every_part_has_a_schema_and_says_what_it_is(kind: str) -> None:
    for name, entry in registry.entries(kind).items():
        assert inspect.getdoc(entry.cls), f"{kind} {name} has no docstring"
        assert name.islower()
        parameters = registry.configuration(entry.cls)
        assert entry.scalar is None or entry.scalar in parameters


@pytest.mark.parametrize("kind", ["encoder", "posterior", "prior", "decoder", "likelihood"])
def test_the_five_parts_build_from_their_defaults(kind: str) -> None:
    steps, event = StepSpec(size=9), torch.Size([3])
    posterior = registry.build("posterior", {"kind": "diagonal", "latent": 3}, 8)  # for a prior that asks for it
    wired: dict[str, tuple[Any, ...]] = {
        "encoder": (steps,),
        "posterior": (8,),
        "prior": (event,),
        "decoder": (steps, event),
        "likelihood": (steps, 8, StepEmbedding(steps, 8)),
    }
    over_a_sequence = (torch.Size([2, 3]),)
    for name in registry.names(kind):
        problems: list[str] = []
        config = schema.check_part(kind, name, kind, problems)
        part = registry.build(kind, config, *(over_a_sequence if name == "ar1" else wired[kind]), posterior=posterior)
        assert not problems
        assert isinstance(part, nn.Module)


def test_a_preset_is_the_same_class_with_defaults_of_its_own() -> None:
    register("plan", "nest", inner=0.5, plain=7)(Nest)
    problems: list[str] = []
    checked = schema.check_part("plan", {"kind": "nest", "maybe": 0.25}, "plan", problems)
    assert not problems
    assert checked == {
        "kind": "nest",
        "inner": {"kind": "constant", "value": 0.5},
        "maybe": {"kind": "constant", "value": 0.25},
        "plain": 7,
    }
    assert schema.check_part("plan", {"kind": "nest", "plain": 2}, "plan", problems)["plain"] == 2


def test_parts_at_any_depth_are_offered_what_they_name() -> None:
    class Asks:
        def __init__(self, wired: int, *, value: float = 0.0) -> None:
            self.wired, self.value = wired, value

    register("schedule", "asks")(Asks)
    register("plan", "nest")(Nest)
    config = {"kind": "nest", "inner": {"kind": "asks"}, "maybe": {"kind": "constant", "value": 1.0}}
    built = registry.build("plan", config, wired=5, nobody_asks=6)
    assert (built.wired, built.inner.wired) == (5, 5)
    assert registry.build("plan", {"kind": "nest", "inner": config["maybe"]}, 9).wired == 9
