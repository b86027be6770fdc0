"""The registry of parts: one decorated class is a new choice in every recipe.

    @register("encoder", "rnn")
    class RnnEncoder(nn.Module):
        def __init__(self, steps: StepSpec, *, hidden: PositiveInt = 256): ...

**Positional parameters are wired by the model; keyword-only parameters are the configuration.** Their types are the schema
(see `schema.py`), so `encoder: {kind: rnn, hidden: 256}` builds `RnnEncoder(steps, hidden=256)` and nothing else needs an edit.
A keyword annotated `Annotated[T, Part("schedule")]` is itself a registered part.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    "encoder": Kind("seqvae.encoders"),
    "posterior": Kind("seqvae.posteriors"),
    "prior": Kind("seqvae.priors"),
    "decoder": Kind("seqvae.decoders"),
    "likelihood": Kind("seqvae.likelihoods"),
    "schedule": Kind("seqvae.objectives"),
    "rate_policy": Kind("seqvae.objectives"),
    "objective": Kind("seqvae.objectives", key="preset"),
    "plan": Kind("seqvae.objectives"),
    "optimizer": Kind("seqvae.training.optimizers"),  # a module, not the room: the rest of it loads Accelerate
    "logger": Kind("seqvae.training.loggers"),
}


@dataclass(frozen=True)
class Part:
    """Marks a keyword-only parameter whose value is a registered part of `kind`."""

    kind: str


@dataclass(frozen=True)
class Entry:
    """One registered class, and the keyword that a bare number stands for (`beta: 0.5` is `{kind: constant, value: 0.5}`)."""

    cls: type
    scalar: str | None = None


_ENTRIES: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
_VISITED: set[str] = set()


def register(kind: str, name: str, *, scalar: str | None = None) -> Callable[[type[T]], type[T]]:
    """Class decorator: make the class available as `name` among the parts of `kind`.

    Raises:
        ValueError: the kind is unknown, or another class holds the name.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; {nearest(kind, KINDS)}")

    def add(cls: type[T]) -> type[T]:
        held = _ENTRIES[kind].get(name)
        if held is not None and _home(held.cls) != _home(cls):  # the same class again is a reload
            raise ValueError(f"{kind} {name!r} is already {_home(held.cls)}")
        _ENTRIES[kind][name] = Entry(cls, scalar)
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


def build(kind: str, config: Mapping[str, Any], *wired: Any) -> Any:
    """The part that a checked configuration describes: `{key: name, **keywords}` to `cls(*wired, **keywords)`, inner parts too.

    A part whose constructor takes fewer positional parameters than its kind is offered gets the first of them.
    """
    key = KINDS[kind].key
    cls = lookup(kind, config[key]).cls
    return cls(*wired[: _places(cls)], **build_keywords(cls, {k: v for k, v in config.items() if k != key}))


def _places(cls: type) -> int | None:
    """How many positional parameters a constructor takes; None for any number."""
    kinds = [parameter.kind for parameter in inspect.signature(cls).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    return sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)


def build_keywords(cls: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with every nested part built."""
    parameters = configuration(cls)
    keywords = {}
    for name, value in config.items():
        part = part_of(parameters[name][0])
        keywords[name] = build(part.kind, value) if part and value is not None else value
    return keywords
