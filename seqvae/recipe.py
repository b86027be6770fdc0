"""Recipes: one yaml file that says everything about a run, plus `key=value` overrides, checked before anything is touched.

    modality  data  tokenizer  model.{encoder,posterior,prior,decoder,likelihood}  objective  plan  training  evaluation  out  seed

What an override means is said in `assignments`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from seqvae import schema, strict_yaml
from seqvae.assignments import assign
from seqvae.data.settings import DataSettings
from seqvae.errors import ConfigError, nearest
from seqvae.registry import Part

SHIPPED = Path(__file__).parent / "recipes"
Config = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The five parts, each a checked mapping; the heads that predict properties from the latent, by the property's name; and what
    the model is told besides."""

    encoder: Annotated[Config, Part("encoder")]
    posterior: Annotated[Config, Part("posterior")]
    prior: Annotated[Config, Part("prior")]
    decoder: Annotated[Config, Part("decoder")]
    likelihood: Annotated[Config, Part("likelihood")]
    heads: Annotated[dict[str, Config] | None, Part("head", named=True)] = None
    condition: Annotated[Any, Part("condition")] = "none"


@dataclass(frozen=True, kw_only=True)
class PlateauDecay:
    """Lower the learning rate when validation stops improving (the published LSTM-VAE recipe; He et al. 2019).

    Attributes:
        factor: multiplies the learning rate at each decay.
        patience: validations in a row without a better -ELBO before a decay.
        after_epoch: no decay before this many epochs.
        max_decays: training ends when one more would be due.
        reload: go back to the best weights at each decay.
    """

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: PositiveInt = 2
    after_epoch: Annotated[int, Field(ge=0)] = 15
    max_decays: PositiveInt = 5
    reload: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How long, how fast, how precise.

    Attributes:
        steps, epochs: length of training; the first reached ends it. One is needed.
        batch_tokens: steps (tokens, points) in a batch, padding counted.
        batch_size: most records in a batch, or None.
        accumulate: micro-batches per optimiser step.
        augmentation: what is done to training records at random, or None.
        optimizer: `adamw` or `sgd`, with its learning rate.
        learning_rate: schedule that multiplies the optimiser's learning rate.
        decay: plateau decay, or None.
        clip_norm, clip_value: gradient clipping by global norm, by value, or None.
        precision: `auto` is bf16 where the hardware multiplies it, else fp32.
        threads: CPU threads, or None for torch's choice.
        validate_every: steps between validations; None is once an epoch.
        checkpoint_every: steps between checkpoints; None is at each validation.
        keep: checkpoints kept besides the best.
        best_beta: the best model is that of the least distortion + best_beta x rate on the valid split. 1 is the ELBO, the same for
            every objective; a recipe whose own beta stays far below 1 would find its best model among its first.
        log_every: steps between lines of metrics.jsonl.
        loggers: `tensorboard`, `wandb`, `mlflow`, besides metrics.jsonl.
    """

    steps: PositiveInt | None = None
    epochs: PositiveInt | None = None
    batch_tokens: PositiveInt = 4096
    batch_size: PositiveInt | None = None
    accumulate: PositiveInt = 1
    augmentation: Annotated[Config | None, Part("augmentation")] = None
    optimizer: Annotated[Any, Part("optimizer")] = "adamw"
    learning_rate: Annotated[Config | None, Part("schedule")] = None
    decay: PlateauDecay | None = None
    clip_norm: PositiveFloat | None = 5.0
    clip_value: PositiveFloat | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: PositiveInt | None = None
    validate_every: PositiveInt | None = None
    checkpoint_every: PositiveInt | None = None
    keep: PositiveInt = 1
    best_beta: NonNegativeFloat = 1.0
    log_every: PositiveInt = 50
    loggers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """How many records are generated to be judged, where the modality can judge them; the defaults are the published protocols'.

    Attributes:
        samples: from the prior, one draw at each latent, to compare with real records.
        latents, decodes: of prior validity: latents from the prior, and draws at each.
        records, encodes, redecodes: of sampled reconstruction: the first so many records, latents of each, and draws at each.
    """

    samples: PositiveInt = 10_000
    latents: PositiveInt = 1000
    decodes: PositiveInt = 100
    records: PositiveInt = 5000
    encodes: PositiveInt = 10
    redecodes: PositiveInt = 10


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """The protocol's free choices.

    Attributes:
        samples: importance samples of the IWAE NLL.
        rows: decoder rows per pass (records times samples), a matter of memory and speed only.
        max_length: longest generated sequence in steps; None is the longest training record.
        limit: evaluate only the first so many records of a split.
        precision: of matrix products; bf16 halves the time on hardware that has it, and shifts the NLL in the fourth digit.
        gallery: records of the split, from the first, among which each one's reconstruction is to find it again (retrieval).
        generation: how many records are generated to be judged.
    """

    samples: PositiveInt = 500
    rows: PositiveInt = 512
    max_length: PositiveInt | None = None
    limit: PositiveInt | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    gallery: PositiveInt = 2500
    generation: GenerationSettings = GenerationSettings()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A checked recipe. Registered parts may be written as bare names; here they are full mappings (`{kind: rnn, hidden: 256}`)."""

    modality: Annotated[Config, Part("modality")]
    data: DataSettings
    tokenizer: Annotated[Config, Part("tokenizer")]
    model: ModelSettings
    objective: Annotated[Any, Part("objective")] = "elbo"
    plan: Annotated[Any, Part("plan")] = "joint"
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    out: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0

    def to_config(self) -> Config:
        """The plain mapping that `check` takes and gives, defaults included."""
        config: Config = schema.plain(self)
        return config

    def to_yaml(self) -> str:
        """The recipe as a yaml text that `load` reads back to an equal recipe."""
        return strict_yaml.dump(self.to_config())


def shipped() -> dict[str, Path]:
    """The recipes that ship, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load(name: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a shipped name or a yaml file, with `key=value` overrides.

    Raises:
        ConfigError: no such recipe, unreadable yaml, or any problem of its content, all reported at once.
    """
    return check(override(read(name), overrides))


def read(name: str | Path) -> Config:
    """The mapping in a recipe's yaml, unchecked."""
    known = shipped()
    path = known.get(str(name), Path(name))
    if not path.is_file():
        if path.suffix in {".yaml", ".yml"}:
            raise ConfigError(f"no recipe file at {path}")
        raise ConfigError(f"unknown recipe {str(name)!r}; {nearest(str(name), known)}")
    try:
        config = strict_yaml.load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a yaml file: {' '.join(str(error).split())}") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{path} holds no recipe: expected a mapping, got {config!r}")
    return config


def check(config: Mapping[str, Any]) -> Recipe:
    """The recipe that a mapping describes.

    Raises:
        ConfigError: with every problem found, each by its dotted path and, for unknown names, the nearest valid one.
    """
    problems: list[str] = []
    checked = schema.check_fields(Recipe, config, "", problems)
    training = checked.get("training") or {}
    if training.get("steps") is None and training.get("epochs") is None:
        problems.append("training.steps: give training.steps or training.epochs")
    if problems:
        raise ConfigError(problems)
    return schema.build_settings(Recipe, checked)


def with_heads(recipe: Recipe, configs: Mapping[str, Config]) -> Recipe:
    """The recipe with further heads, by their property's name, in place of those of the same names.

    Raises:
        ConfigError: an unknown kind or keyword.
    """
    heads = {**(recipe.model.heads or {}), **configs}
    return check(replace(recipe, model=replace(recipe.model, heads=heads)).to_config())


def override(config: Mapping[str, Any], assignments: Sequence[str]) -> Config:
    """A copy of a recipe's mapping with `key=value` assignments applied, unchecked. Errors as `assign`."""
    return assign(Recipe, config, assignments)
