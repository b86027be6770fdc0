"""Checking configurations: all problems at once, each with its path, its value and what was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import Field, PositiveFloat, PositiveInt

from seqvae import registry, schema
from seqvae.registry import Part


@dataclass(frozen=True, kw_only=True)
class Inner:
    MAIN_KEY: ClassVar[str] = "name"

    name: str
    size: PositiveInt = 4


@dataclass(frozen=True, kw_only=True)
class Settings:
    needed: PositiveInt
    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    rate: PositiveFloat = 1.0
    flag: bool = False
    mode: Literal["fast", "slow"] = "fast"
    pair: tuple[float, float] = (0.9, 0.999)
    inner: Inner = Inner(name="x", size=6)
    maybe: Inner | None = None
    beta: Annotated[Any, Part("schedule")] = "constant"
    other: Annotated[Any, Part("schedule")] = None


def check(config: Any) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    return schema.check_fields(Settings, config, "settings", problems), problems


def problems_of(**config: Any) -> list[str]:
    return check({"needed": 1, "inner": "x", **config})[1]


def test_defaults_are_filled_in_at_every_depth() -> None:
    checked, problems = check({"needed": 2, "inner": {"name": "a"}})
    assert not problems
    assert checked == {
        "needed": 2,
        "share": 0.5,
        "rate": 1.0,
        "flag": False,
        "mode": "fast",
        "pair": (0.9, 0.999),
        "inner": {"name": "a", "size": 4},
        "maybe": None,
        "beta": {"kind": "constant", "value": 1.0},
        "other": None,
    }


def test_the_default_of_a_section_keeps_its_values() -> None:
    checked, problems = check({"needed": 2})
    assert not problems
    assert checked["inner"] == {"name": "x", "size": 6}


def test_a_bare_string_or_number_stands_for_the_main_key() -> None:
    checked, problems = check({"needed": 1, "inner": "a", "maybe": "b", "beta": 0.5, "other": {"kind": "linear", "steps": 3}})
    assert not problems
    assert checked["inner"] == {"name": "a", "size": 4}
    assert checked["maybe"] == {"name": "b", "size": 4}
    assert checked["beta"] == {"kind": "constant", "value": 0.5}
    assert checked["other"] == {"kind": "linear", "steps": 3, "start": 0.0, "stop": 1.0, "delay": 0}


def test_a_part_without_a_kind_is_of_the_default_kind() -> None:
    checked, problems = check({"needed": 1, "inner": "a", "beta": {"value": 0.3}})
    assert not problems
    assert checked["beta"] == {"kind": "constant", "value": 0.3}
    known = ", ".join(registry.names("schedule"))
    assert problems_of(other={"steps": 3}) == [f"settings.other.kind: names the schedule, got None; known: {known}"]


def test_every_problem_is_reported_at_once_with_its_path() -> None:
    _, problems = check(
        {
            "share": 1.5,
            "mod": "fast",
            "mode": "fst",
            "inner": {"size": 0, "nam": "a"},
            "beta": {"kind": "linear", "steps": "many", "strt": 0},
            "other": "linaer",
        }
    )
    assert [problem.split(":")[0] for problem in problems] == [
        "settings.mod",
        "settings.needed",
        "settings.share",
        "settings.mode",
        "settings.inner.nam",
        "settings.inner.name",
        "settings.inner.size",
        "settings.beta.strt",
        "settings.beta.steps",
        "settings.other.kind",
    ]
    text = "\n".join(problems)
    assert "unknown key; did you mean 'mode'?" in text
    assert "missing" in text
    assert "less than 1, got 1.5" in text
    assert "'fast' or 'slow', got 'fst'" in text
    assert "did you mean 'start'?" in text
    assert "valid integer" in text
    assert "got 'many'" in text
    assert "unknown schedule 'linaer'; did you mean 'linear'?" in text


@pytest.mark.parametrize(
    ("config", "fragment"),
    [
        ({"needed": "7x"}, "settings.needed: input should be a valid integer"),
        ({"needed": 1.5}, "settings.needed: "),
        ({"needed": True}, "settings.needed: input should be a valid integer, got True"),
        ({"needed": None}, "got None"),
        ({"share": False}, "settings.share: input should be a valid number, got False"),
        ({"share": float("nan")}, "settings.share: input should be a finite number, got nan"),
        ({"rate": float("inf")}, "settings.rate: input should be a finite number, got inf"),
        ({"pair": [0.9, float("inf")]}, "settings.pair.1: input should be a finite number"),
        ({"pair": [0.9]}, "settings.pair"),
        ({"flag": "perhaps"}, "settings.flag: "),
        ({"inner": 3}, "settings.inner: expected a mapping, got 3"),
        ({"inner": None}, "settings.inner: expected a mapping, got None"),
        ({"maybe": True}, "settings.maybe: expected a mapping, got True"),
        ({"beta": ["linear"]}, "settings.beta: expected the name of a schedule or a mapping with 'kind', got ['linear']"),
        ({"beta": True}, "settings.beta: expected the name of a schedule"),
        ({"beta": {"kind": 3}}, "settings.beta.kind: names the schedule, got 3"),
        ({"beta": {"kind": "constant", "value": float("nan")}}, "settings.beta.value: input should be a finite number"),
        ({3: 4}, "settings.3: unknown key"),
    ],
    ids=str,
)
def test_each_kind_of_mistake_says_where_and_what(config: dict[Any, Any], fragment: str) -> None:
    _, problems = check({"needed": 1, "inner": "x", **config})
    assert len(problems) == 1
    assert fragment in problems[0]


def test_numbers_may_be_written_as_strings() -> None:
    """Shells and YAML 1.1 make strings of them."""
    checked, problems = check({"needed": "3", "rate": "1e-3", "inner": "x"})
    assert not problems
    assert (checked["needed"], checked["rate"]) == (3, 0.001)


def test_a_whole_configuration_that_is_no_mapping() -> None:
    assert check("needed")[1] == ["settings: expected a mapping, got 'needed'"]
    assert check([])[1] == ["settings: expected a mapping, got []"]


def test_settings_are_built_with_sections_and_parts_left_as_mappings() -> None:
    checked, _ = check({"needed": 1, "inner": "a", "maybe": "b"})
    settings = schema.build_settings(Settings, checked)
    assert settings.inner == Inner(name="a")
    assert settings.maybe == Inner(name="b")
    assert settings.beta == {"kind": "constant", "value": 1.0}


def test_section_of_finds_the_settings_class_behind_none() -> None:
    assert schema.section_of(Inner) is schema.section_of(Inner | None) is Inner
    assert schema.section_of(int | None) is None
