"""The registry of parts: one decorated class is a new choice in every recipe.

    @register("encoder", "rnn")
    class RnnEncoder(nn.Module):
        def __init__(self, steps: StepSpec, *, hidden: PositiveInt = 256): ...

**Positional parameters are wired by the model; keyword-only parameters are the configuration.** Their types are the schema
(see `schema.py`), so `encoder: {kind: rnn, hidden: 256}` builds `RnnEncoder(steps, hidden=256)` and nothing else needs an edit.
A keyword annotated `Annotated[T, Part("schedule")]` is itself a registered part. One class under several names, each with
defaults of its own, makes presets: `@register("objective", "mmd", alpha=1.0)`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from seqvae.errors import ConfigError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Kind:
    """A kind of part: the package or module its parts live in, and the key that names one in a recipe."""

    room: str
    key: str = "kind"


KINDS: dict[str, Kind] = {
    "modality": Kind("seqvae.modalities"),
    "tokenizer": Kind("seqvae.modalities"),
    "augmentation": Kind("seqvae.modalities"),
    "encoder": Kind("seqvae.encoders"),
    "posterior": Kind("seqvae.posteriors"),
    "prior": Kind("seqvae.priors"),
    "decoder": Kind("seqvae.decoders"),
    "cell": Kind("seqvae.cells"),
    "likelihood": Kind("seqvae.likelihoods"),
    "condition": Kind("seqvae.conditions"),
    "head": Kind("seqvae.heads"),
    "schedule": Kind("seqvae.objectives"),
    "rate_policy": Kind("seqvae.objectives"),
    "divergence": Kind("seqvae.objectives"),
    "noise": Kind("seqvae.objectives"),
    "objective": Kind("seqvae.objectives", key="preset"),
    "plan": Kind("seqvae.objectives"),
    "optimizer": Kind("seqvae.training.optimizers"),  # a module, not the room: the rest of it loads Accelerate
    "guard": Kind("seqvae.explore.guards"),
    "logger": Kind("seqvae.training.loggers"),
}


@dataclass(frozen=True)
class Part:
    """Marks a keyword-only parameter whose value is a registered part of `kind`.

    Attributes:
        kind: of `KINDS`.
        named: the value is a mapping of free names to such parts.
        late: the part's owner builds it, because it alone knows what to wire; it is handed the configuration.
    """

    kind: str
    named: bool = False
    late: bool = False


@dataclass(frozen=True)
class Entry:
    """One registered class.

    Attributes:
        scalar: the keyword that a bare number stands for (`beta: 0.5` is `{kind: constant, value: 0.5}`).
        defaults: where this name's differ from the constructor's.
    """

    cls: type
    scalar: str | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)


_ENTRIES: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
_VISITED: set[str] = set()


def register(kind: str, name: str, *, scalar: str | None = None, **defaults: Any) -> Callable[[type[T]], type[T]]:
    """Class decorator: make the class available as `name` among the parts of `kind`, with these defaults instead of its own.

    Raises:
        ValueError: the kind is unknown, or another class holds the name.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; {nearest(kind, KINDS)}")

    def add(cls: type[T]) -> type[T]:
        held = _ENTRIES[kind].get(name)
        if held is not None and _home(held.cls) != _home(cls):  # the same class again is a reload
            raise ValueError(f"{kind} {name!r} is already {_home(held.cls)}")
        _ENTRIES[kind][name] = Entry(cls, scalar, defaults)
        return cls

    return add


def _home(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def entries(kind: str) -> dict[str, Entry]:
    """All registered parts of `kind`, by name; imports the room that holds them on first use."""
    room = KINDS[kind].room
    if room not in _VISITED:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(getattr(package, "__path__", []), prefix=room + "."):
            importlib.import_module(module.name)
        _VISITED.add(room)
    return dict(sorted(_ENTRIES[kind].items()))


def names(kind: str) -> list[str]:
    """The registered names of `kind`, sorted."""
    return list(entries(kind))


def lookup(kind: str, name: str) -> Entry:
    """The entry `name` of `kind`.

    Raises:
        ConfigError: no such part; the message suggests the nearest.
    """
    known = entries(kind)
    if name not in known:
        raise ConfigError(f"unknown {kind} {name!r}; {nearest(name, known)}")
    return known[name]


def configuration(cls: type) -> dict[str, tuple[Any, Any]]:
    """The keyword-only parameters of `cls`'s constructor: name -> (annotation with its metadata, default or `Parameter.empty`)."""
    hints = typing.get_type_hints(cls.__init__, include_extras=True)  # type: ignore[misc]  # reading, not calling
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: (hints[p.name], p.default) for p in parameters if p.kind is p.KEYWORD_ONLY}


def part_of(annotation: Any) -> Part | None:
    """The `Part` marker in an annotation, also behind `| None`."""
    for marker in getattr(annotation, "__metadata__", ()):
        if isinstance(marker, Part):
            return marker
    return next((found for arm in typing.get_args(annotation) if (found := part_of(arm))), None)


def build(kind: str, config: Mapping[str, Any] | str, *wired: Any, **offered: Any) -> Any:
    """The part that a checked configuration describes: `{key: name, **keywords}` to `cls(*wired, **keywords)`, inner parts too.

    Args:
        kind, config: which part; a bare name is one with its defaults.
        wired: its positional arguments.
        offered: by name, what it and the parts inside it may ask for by a positional parameter of that name.
    """
    key = KINDS[kind].key
    config = {key: config} if isinstance(config, str) else config
    cls = lookup(kind, config[key]).cls
    asked = [offered[name] for name in _positional(cls)[len(wired) :] if name in offered]
    return cls(*wired, *asked, **build_keywords(cls, {k: v for k, v in config.items() if k != key}, **offered))


def _positional(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def build_keywords(cls: type, config: Mapping[str, Any], **offered: Any) -> dict[str, Any]:
    """`config` with every nested part built, but for those that their owner builds."""
    parameters = configuration(cls)
    keywords = {}
    for name, value in config.items():
        part = part_of(parameters[name][0])
        if part is None or part.late or value is None:
            keywords[name] = value
        else:
            keywords[name] = (build_named if part.named else build)(part.kind, value, **offered)
    return keywords


def build_named(kind: str, configs: Mapping[str, Any], *wired: Any, **offered: Any) -> dict[str, Any]:
    """The parts that a checked mapping of names to configurations describes."""
    return {name: build(kind, config, *wired, **offered) for name, config in configs.items()}
