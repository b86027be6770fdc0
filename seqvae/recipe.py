"""Recipes: one yaml file that says everything about a run, plus `key=value` overrides, checked before anything is touched.

    modality  data  tokenizer  model.{encoder,posterior,prior,decoder,likelihood}  objective  plan  training  evaluation  out  seed

A bare string stands for a mapping's main key (`data=reviews.txt` is `data.source`, `plan=joint` is `plan.kind`, `objective=elbo` is
`objective.preset`). Changing a part's kind keeps the keys that the new kind also takes and drops the rest, so that an override
changes the parts it names and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from seqvae import registry, schema
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
        return _plain(self)

    def to_yaml(self) -> str:
        """The recipe as a yaml text that `load` reads back to an equal recipe."""
        from seqvae import strict_yaml

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
    import yaml

    from seqvae import strict_yaml

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
    """A copy of `config` with `key=value` assignments applied; values are yaml.

    Raises:
        ConfigError: an assignment without `=`, or with a value that is no yaml.
    """
    parsed = [_parse(assignment) for assignment in assignments]
    result: Config = _plain(config)
    # kinds first: `model.posterior.latent=64 model.posterior=diagonal` must not lose the 64
    for path, value in sorted(parsed, key=lambda item: not _names_kind(*item)):
        _assign(result, path, value)
    return result


def _parse(assignment: str) -> tuple[list[str], Any]:
    import yaml

    from seqvae import strict_yaml

    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"expected key=value, got {assignment!r}")
    try:
        return key.strip().split("."), strict_yaml.load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{key.strip()}: {text!r} is no yaml value; quote it") from None


def _names_kind(path: list[str], value: Any) -> bool:
    slot = _slot(path)
    return isinstance(slot, Part) or path[-1] in {kind.key for kind in registry.KINDS.values()}


def _assign(config: Config, path: list[str], value: Any) -> None:
    """Set one dotted key; a bare string or number on the way, or at the end, stands for its mapping's main key."""
    for depth in range(1, len(path)):
        name = path[depth - 1]
        config[name] = _opened(config.get(name), path[:depth])
        config = config[name]
    name, main = path[-1], _main_key(path)
    held = config.get(name)
    if main and isinstance(value, str) and isinstance(held, dict):
        _rename(held, path, main, value)
    elif len(path) > 1 and name == _main_key(path[:-1]) and isinstance(_slot(path[:-1]), Part):
        _rename(config, path[:-1], name, value)
    else:
        config[name] = value


def _opened(held: Any, path: list[str]) -> Config:
    """The mapping that a value at `path` stands for, to set a key inside it."""
    if isinstance(held, dict):
        return held
    slot, main = _slot(path), _main_key(path)
    if isinstance(slot, Part) and not slot.named:
        return schema.as_mapping(slot.kind, held) or {}
    return {main: held} if isinstance(held, str) and main else {}


def _rename(held: Config, path: list[str], main: str, value: Any) -> None:
    """Change a mapping's main key; a new kind keeps the keys that it also takes, less those that make either a preset."""
    slot = _slot(path)
    if isinstance(slot, Part) and held.get(main) != value and value in registry.names(slot.kind):
        known, new = registry.entries(slot.kind), registry.lookup(slot.kind, value)
        old = known.get(str(held.get(main)))
        kept = registry.configuration(new.cls).keys() - new.defaults.keys() - (old.defaults.keys() if old else set())
        for name in [name for name in held if name not in kept]:
            del held[name]
    held[main] = value


def _main_key(path: list[str]) -> str | None:
    slot = _slot(path)
    if isinstance(slot, Part):
        return None if slot.named else registry.KINDS[slot.kind].key
    return getattr(slot, "MAIN_KEY", None)


def _slot(path: list[str]) -> Part | type | None:
    """What a dotted path names in the schema: a part, a settings section, or a plain value (None).

    Inside a part any keyword of any of its kinds counts, since the kind may change in the same command.
    """
    owners: list[type] = [Recipe]
    slot: Part | type | None = None
    for name in path:
        if isinstance(slot, Part) and slot.named:
            slot = Part(slot.kind)  # any name is one of the mapping's
            continue
        annotations = [found[name][0] for owner in owners if name in (found := registry.configuration(owner))]
        slot = next((s for a in annotations if (s := registry.part_of(a) or schema.section_of(a))), None)
        owners = [entry.cls for entry in registry.entries(slot.kind).values()] if isinstance(slot, Part) else [slot] if slot else []
    return slot


def _plain(value: Any) -> Any:
    """Settings and containers to plain dicts and lists."""
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
