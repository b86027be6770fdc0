"""Recipes: files, overrides as a user types them, every mistake in one message."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.data.codec import source_spec
from seqvae.data.settings import DataSettings
from seqvae.errors import ConfigError
from seqvae.model import build_model
from seqvae.recipe import Recipe
from seqvae.steps import StepSpec

CONFIG: dict[str, Any] = {
    "modality": "text",
    "data": {"source": "docstrings", "valid": 0.1},
    "tokenizer": {"kind": "word", "vocab_size": 100},
    "model": {
        "encoder": {"kind": "rnn", "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": "standard_normal",
        "decoder": {"kind": "rnn", "hidden": 8},
        "likelihood": "categorical",
    },
    "objective": {"preset": "elbo", "beta": {"kind": "linear", "steps": 10}, "rate": {"kind": "free_bits", "nats": 0.5}},
    "training": {"steps": 10},
}


def recipe(*overrides: str, **changes: Any) -> Recipe:
    return recipes.check(recipes.override({**CONFIG, **changes}, overrides))


def problems_of(*overrides: str, **changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        recipe(*overrides, **changes)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# ---- what ships ----


FAMILIES = {"google-bert/bert-base-cased": "bert", "openai-community/gpt2": "gpt2", "google-t5/t5-small": "t5"}
STROKES = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))


def at_hand(value: Any, network_folder: Callable[[str], Path]) -> Any:
    """A recipe's values with a tiny network of the same family in place of each that lies on a hub."""
    if isinstance(value, dict):
        return {key: at_hand(item, network_folder) for key, item in value.items()}
    return str(network_folder(FAMILIES[value])) if isinstance(value, str) and value in FAMILIES else value


@pytest.mark.parametrize("name", recipes.shipped())
def test_every_shipped_recipe_loads_and_builds_a_model(name: str, network_folder: Callable[[str], Path]) -> None:
    loaded = recipes.load(name)
    config = at_hand(loaded.to_config(), network_folder)
    steps, source = STROKES if config["modality"]["kind"] == "sketch" else StepSpec(size=50), None
    if config["tokenizer"]["kind"] == "pretrained":
        codec = registry.build("tokenizer", config["tokenizer"])
        codec.fit([], seed=0)
        steps, source = codec.spec, source_spec(codec)
    model = build_model(steps, config["model"], source)
    assert model.event_shape.numel() > 0
    registry.build("objective", loaded.objective, steps=source or steps, event_shape=model.event_shape)
    registry.build("plan", loaded.plan)
    registry.build("optimizer", loaded.training.optimizer)


@pytest.mark.parametrize("name", recipes.shipped())
def test_every_shipped_recipe_opens_with_its_command(name: str) -> None:
    first = recipes.shipped()[name].read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"# seqvae train {name}")


@pytest.mark.parametrize("name", recipes.shipped())
def test_every_change_that_a_recipe_tells_of_is_one(name: str) -> None:
    comments = [line for line in recipes.shipped()[name].read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    quoted = [found.rstrip(".,;)") for line in comments for found in re.findall(r"[a-z_][a-z_.]*=[^\s`]+", line)]
    assert recipes.load(name, quoted).modality == recipes.load(name).modality


@pytest.mark.parametrize("name", recipes.shipped())
def test_a_recipe_survives_its_own_yaml(name: str, tmp_path: Path) -> None:
    loaded = recipes.load(name, ["out='1e3'", "training.learning_rate={kind: exponential, start: 1e-6, stop: 1e-20, decay: 0.5}"])
    again = recipes.load(write(tmp_path, loaded.to_yaml()))
    assert again == loaded
    assert again.to_yaml() == loaded.to_yaml()


def test_defaults_are_written_out() -> None:
    config = recipe().to_config()
    assert config["plan"] == {"kind": "joint"}
    assert config["training"]["optimizer"]["kind"] == "adamw"
    assert config["model"]["prior"] == {"kind": "standard_normal"}
    assert config["model"]["decoder"]["injection"] == ["initial_state", "input"]
    assert recipe() == recipes.check(config)


# ---- files ----


def test_further_heads_are_checked_and_change_nothing_else() -> None:
    plain = recipes.load("text-lstm", ["model.heads={words: {kind: regression}}"])
    more = recipes.with_heads(
        plain, {"label": {"kind": "classification", "ensemble": 3}, "words": {"kind": "regression", "depth": 0}}
    )
    assert more.model.heads is not None
    assert more.model.heads["label"]["ensemble"] == 3
    assert more.model.heads["words"]["depth"] == 0
    assert replace(more, model=replace(more.model, heads=plain.model.heads)) == plain
    with pytest.raises(ConfigError, match=r"model\.heads\.words\.dpeth.*did you mean 'depth'"):
        recipes.with_heads(plain, {"words": {"kind": "regression", "dpeth": 1}})


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown recipe 'text-lsmt'; did you mean 'text-lstm'\?"):
        recipes.load("text-lsmt")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recipe file at .*none\.yaml"):
        recipes.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("data: [1", "is not a yaml file"),
        ("seed: 1\nseed: 2", "'seed' stands twice"),
        ("model:\n  encoder: {kind: rnn, hidden: 8, hidden: 16}", "'hidden' stands twice"),
        ("- data", "holds no recipe: expected a mapping, got ['data']"),
        ("", "holds no recipe: expected a mapping, got None"),
    ],
)
def test_a_file_that_is_no_recipe(tmp_path: Path, text: str, fragment: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        recipes.load(path)
    assert fragment in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not a yaml file"):
        recipes.load(path)


# ---- overrides ----


def test_a_bare_string_stands_for_the_main_key_and_keeps_the_rest() -> None:
    changed = recipe("data=reviews.txt")
    assert changed.data == DataSettings(source="reviews.txt", valid=0.1)
    assert recipe("data=reviews.txt", data="ptb").data.source == "reviews.txt"
    assert recipe("data.valid=0.2", data="ptb").data == DataSettings(source="ptb", valid=0.2)
    assert recipe("plan=joint").plan == {"kind": "joint"}
    assert recipe("objective=elbo").objective["beta"]["steps"] == 10


def test_an_override_changes_what_it_names_and_nothing_else() -> None:
    changed = recipe("model.encoder.hidden=16", "seed=3", "training.decay.patience=4", "out=runs/x")
    before, after = recipe().to_config(), changed.to_config()
    assert after["model"]["encoder"].pop("hidden") == 16
    assert before["model"]["encoder"].pop("hidden") == 8
    assert (after.pop("seed"), before.pop("seed")) == (3, 0)
    assert (after.pop("out"), before.pop("out")) == ("runs/x", None)
    assert after["training"].pop("decay")["patience"] == 4
    assert before["training"].pop("decay") is None
    assert after == before


def test_a_new_kind_keeps_what_it_takes_and_drops_the_rest() -> None:
    objective = recipe("objective.beta=cyclical").objective
    assert objective["beta"] == {"kind": "cyclical", "steps": 10, "cycles": 4, "ratio": 0.5, "ramp": "linear", "stop": 1.0}
    assert objective["rate"]["nats"] == 0.5
    assert recipe("objective.rate.kind=plain").objective["rate"] == {"kind": "plain"}
    assert recipe("objective.beta.kind=constant").objective["beta"] == {"kind": "constant", "value": 1.0}


def test_a_preset_brings_its_own_defaults_and_takes_them_away_again() -> None:
    complete = recipe("objective=info").to_config()
    assert (complete["objective"]["scaling"], complete["objective"]["divergence"]["kind"]) == (10.0, "mmd")
    mmd = recipes.check(recipes.override(complete, ["objective=mmd"])).objective
    assert (mmd["alpha"], mmd["scaling"]) == (1.0, 100.0)
    assert mmd["beta"] == complete["objective"]["beta"]
    back = recipes.check(recipes.override(complete, ["objective=elbo"])).objective
    assert (back["alpha"], back["scaling"], back["divergence"]) == (0.0, 1.0, None)
    kernel = recipe("objective=mmd", "objective.divergence.kernel=rbf").objective["divergence"]
    assert (kernel["kind"], kernel["kernel"]) == ("mmd", "rbf")
    assert recipe("objective=daae", "objective.noise.share=0.1").objective["noise"] == {"kind": "word_drop", "share": 0.1}


def test_the_order_of_kind_and_key_does_not_matter() -> None:
    one = recipe("training.optimizer.momentum=0.9", "training.optimizer=sgd")
    two = recipe("training.optimizer=sgd", "training.optimizer.momentum=0.9")
    assert one == two
    assert one.training.optimizer["momentum"] == 0.9
    assert recipe("objective.samples=3", "objective={preset: elbo}").objective["samples"] == 3


def test_a_key_of_a_part_that_the_recipe_leaves_to_its_default() -> None:
    assert recipe("training.optimizer.lr=1e-4").training.optimizer == {**recipe().training.optimizer, "lr": 1e-4}
    without = {key: value for key, value in CONFIG.items() if key != "objective"}
    changed = recipes.check(recipes.override(without, ["objective.samples=3"]))
    assert changed.objective["preset"] == "elbo"
    assert changed.objective["samples"] == 3


def test_numbers_in_any_notation() -> None:
    assert recipe("training.optimizer.lr=1e-4").training.optimizer["lr"] == 1e-4
    assert recipe("objective.beta=1e-2").objective["beta"] == {"kind": "constant", "value": 0.01}
    assert recipe("objective.beta.value=0.7", objective={"preset": "elbo", "beta": 0.5}).objective["beta"]["value"] == 0.7
    assert recipe("data.test=0").data.test == 0


def test_values_are_yaml() -> None:
    changed = recipe(
        "model.decoder.injection=[input]",
        "training.decay={patience: 7}",
        "training.clip_norm=null",
        "model.posterior={kind: diagonal, latent: 6}",
        "training.loggers=[tensorboard, wandb]",
        " seed = 4 ",
    )
    assert changed.model.decoder["injection"] == ("input",)
    assert changed.training.decay.patience == 7
    assert changed.training.clip_norm is None
    assert changed.model.posterior["latent"] == 6
    assert changed.training.loggers == ("tensorboard", "wandb")
    assert changed.seed == 4


def test_the_last_of_two_equal_overrides_wins() -> None:
    assert recipe("seed=1", "seed=2").seed == 2


def test_overriding_leaves_the_recipe_it_was_given_alone() -> None:
    before = copy.deepcopy(CONFIG)
    recipes.override(CONFIG, ["model.encoder.hidden=16", "objective.beta=constant", "data=x"])
    assert before == CONFIG


def test_a_mapping_may_replace_a_whole_part() -> None:
    assert recipe("objective={preset: elbo, samples: 2}").objective["rate"] is None


@pytest.mark.parametrize(
    ("overrides", "fragment"),
    [
        (["seed"], "expected key=value, got 'seed'"),
        (["=3"], "expected key=value, got '=3'"),
        (["data=[1"], "data: '[1' is no yaml value; quote it"),
        (["data=*.txt"], "data: '*.txt' is no yaml value; quote it"),
        (["trainng.steps=5"], "trainng: unknown key; did you mean 'training'?"),
        (["training.step=5"], "training.step: unknown key; did you mean 'steps'?"),
        (["model.encoder.hiden=5"], "model.encoder.hiden: unknown key; did you mean 'hidden'?"),
        (["steps=100"], "steps: unknown key; did you mean 'training.steps'?"),
        (["lr=0.01"], "lr: unknown key; did you mean 'training.optimizer.lr'?"),
        (["training.lr=0.01"], "training.lr: unknown key; did you mean 'training.optimizer.lr'?"),
        (["batch_size=8"], "batch_size: unknown key; did you mean 'training.batch_size'?"),
        (["latent=64"], "latent: unknown key; did you mean 'model.posterior.latent'?"),
        (["hidden=8"], "hidden: unknown key; did you mean 'model.decoder.hidden' or 'model.encoder.hidden'?"),
        (["encoder=rnn"], "encoder: unknown key; did you mean 'model.encoder'?"),
        (["model.encoder=rn"], "model.encoder.kind: unknown encoder 'rn'; did you mean 'rnn'?"),
        (["model.encoder=3"], "model.encoder: expected the name of a encoder or a mapping with 'kind', got 3"),
        (["model=rnn"], "model: expected a mapping, got 'rnn'"),
        (["training.steps=0"], "training.steps: input should be greater than 0, got 0"),
        (["training.steps=true"], "training.steps: input should be a valid integer, got True"),
        (["training.optimizer.lr=.inf"], "training.optimizer.lr: input should be a finite number, got inf"),
        (["training.optimizer.betas=[0.9, 1.0]"], "training.optimizer.betas.1: input should be less than 1"),
        (["training.precision=fp16"], "training.precision: input should be 'auto', 'fp32' or 'bf16', got 'fp16'"),
        (["seed=-1"], "seed: input should be greater than or equal to 0, got -1"),
        (["seed="], "seed: input should be a valid integer, got None"),
        (["data="], "data: expected a mapping, got None"),
        (["modality=txt"], "modality.kind: unknown modality 'txt'"),
        (["training.steps=null"], "training.steps: give training.steps or training.epochs"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_each_mistake_says_where_what_and_what_to_do(overrides: Sequence[str], fragment: str) -> None:
    problems = problems_of(*overrides)
    assert len(problems) == 1
    assert fragment in problems[0]


def test_all_mistakes_come_at_once() -> None:
    problems = problems_of("seeed=1", "model.posterior.latent=-2", "objective.rate.variant=per_batch", "tokenizer=wrd")
    assert [problem.split(":")[0] for problem in problems] == [
        "seeed",
        "tokenizer.kind",
        "model.posterior.latent",
        "objective.rate.variant",
    ]


def test_a_recipe_without_its_needed_parts_names_them_all() -> None:
    with pytest.raises(ConfigError) as caught:
        recipes.check({"model": {"encoder": "rnn"}})
    missing = {problem.split(":")[0] for problem in caught.value.problems if problem.endswith("missing")}
    assert missing == {"modality", "data", "tokenizer", "model.posterior", "model.prior", "model.decoder", "model.likelihood"}


# ---- named parts ----


def test_heads_are_parts_by_a_name_of_ones_own() -> None:
    found = recipe("model.heads.logP=regression", "model.heads.active.kind=classification", "model.heads.logP.hidden=9")
    heads = found.to_config()["model"]["heads"]
    assert list(heads) == ["logP", "active"]
    assert (heads["logP"]["kind"], heads["logP"]["hidden"]) == ("regression", 9)
    assert heads["active"]["depth"] == 1
    assert recipes.check(found.to_config()) == found


def test_a_head_of_another_kind_keeps_what_it_takes() -> None:
    given = {"model": {"heads": {"a": {"kind": "regression", "hidden": 9}}}}
    changed = recipes.override(given, ["model.heads.a=classification"])
    assert changed["model"]["heads"] == {"a": {"kind": "classification", "hidden": 9}}


@pytest.mark.parametrize(
    ("assignment", "fragment"),
    [
        ("model.heads=regression", "model.heads: expected a mapping of names to parts of kind 'head', got 'regression'"),
        ("model.heads.a=regresion", "model.heads.a.kind: unknown head 'regresion'; did you mean 'regression'?"),
        ("model.heads.a={kind: regression, widht: 3}", "model.heads.a.widht: unknown key"),
        ("model.heads={a b.c: regression}", "model.heads: 'a b.c' is no name; give a word without dots"),
    ],
)
def test_mistakes_in_heads(assignment: str, fragment: str) -> None:
    assert fragment in problems_of(assignment)[0]
