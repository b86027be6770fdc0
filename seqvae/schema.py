"""Checking a configuration against typed signatures: every problem at once, with its path and the nearest valid key.

`check_part` takes what a recipe says of one part (a bare name, a bare number, or a mapping) and returns the full mapping with
defaults filled in, which is what a run stores; `check_fields` does the same for a settings class.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pydantic

from seqvae import registry
from seqvae.errors import ConfigError, nearest

SUGGESTED = 3  # places that an unknown key may have been meant for


def check_part(kind: str, config: Any, path: str, problems: list[str]) -> dict[str, Any]:
    """The complete mapping for one part; what is wrong is appended to `problems`, each with its dotted path."""
    key = registry.KINDS[kind].key
    mapping = as_mapping(kind, config)
    if mapping is None:
        problems.append(f"{path}: expected the name of a {kind} or a mapping with {key!r}, got {config!r}")
        return {}
    name = mapping.get(key)
    if not isinstance(name, str):
        problems.append(f"{path}.{key}: names the {kind}, got {name!r}; known: {', '.join(registry.names(kind))}")
        return {}
    try:
        entry = registry.lookup(kind, name)
    except ConfigError as error:
        problems.append(f"{path}.{key}: {error}")
        return {}
    rest = {k: v for k, v in mapping.items() if k != key}
    return {key: name, **check_fields(entry.cls, rest, path, problems, extra_key=key, defaults=entry.defaults)}


def check_fields(
    cls: type,
    config: Any,
    path: str,
    problems: list[str],
    extra_key: str | None = None,
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """The keyword arguments of `cls` that `config` gives, checked and completed with plain defaults: `defaults`, else its own.

    A settings class may name a `MAIN_KEY`: a bare string then stands for that key alone.
    """
    main = getattr(cls, "MAIN_KEY", None)
    if main is not None and isinstance(config, str):
        config = {main: config}
    if isinstance(config, cls) and dataclasses.is_dataclass(config):  # the default of a section
        config = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    if not isinstance(config, Mapping):
        problems.append(f"{path}: expected a mapping, got {config!r}")
        return {}
    parameters = registry.configuration(cls)
    for unknown in [k for k in config if k not in parameters]:
        known = [*parameters, *([extra_key] if extra_key else [])]
        meant = _elsewhere(str(unknown), cls, {**defaults, **config}, path) or nearest(str(unknown), known)
        problems.append(f"{_join(path, unknown)}: unknown key; {meant}")
    checked: dict[str, Any] = {}
    for name, (annotation, own) in parameters.items():
        default = defaults.get(name, own)
        if name in config:
            checked[name] = _check_value(annotation, _with_kind(annotation, config[name], default), _join(path, name), problems)
        elif default is inspect.Parameter.empty:
            problems.append(f"{_join(path, name)}: missing")
        elif default is not None and (registry.part_of(annotation) or section_of(annotation)):
            checked[name] = _check_value(annotation, default, _join(path, name), problems)
        elif _is_plain(default):
            checked[name] = default
    return checked


def build_settings(cls: type, config: Mapping[str, Any]) -> Any:
    """An instance of a settings dataclass from a checked mapping; nested parts stay mappings, for whoever wires them."""
    parameters = registry.configuration(cls)
    values = {}
    for name, value in config.items():
        section = section_of(parameters[name][0])
        values[name] = build_settings(section, value) if section and isinstance(value, Mapping) else value
    return cls(**values)


def plain(value: Any) -> Any:
    """A copy with settings and containers as plain dicts and lists, which `check_fields` takes and yaml and JSON can hold."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def section_of(annotation: Any) -> type | None:
    """The settings dataclass that an annotation names, also behind `| None`, if it names one."""
    arms = [annotation, *typing.get_args(annotation)]
    return next((arm for arm in arms if isinstance(arm, type) and dataclasses.is_dataclass(arm)), None)


def _admits_none(annotation: Any) -> bool:
    """Whether `None` is among the arms of a union, also inside `Annotated`."""
    arms = typing.get_args(annotation)
    return type(None) in arms or any(_admits_none(arm) for arm in arms[:1] if typing.get_args(arm))


def _with_kind(annotation: Any, value: Any, default: Any) -> Any:
    """A part's mapping that names no kind means the default's: `optimizer: {lr: 0.01}`."""
    part = registry.part_of(annotation)
    if part is None or part.named or not isinstance(value, Mapping) or not isinstance(default, str):
        return value
    return {registry.KINDS[part.kind].key: default, **value}


def _check_value(annotation: Any, value: Any, path: str, problems: list[str]) -> Any:
    part, section = registry.part_of(annotation), section_of(annotation)
    if (part or section) and value is None and _admits_none(annotation):
        return None
    if part is not None:
        check = _check_named if part.named else check_part
        return check(part.kind, value, path, problems)
    if section is not None:
        return check_fields(section, value, path, problems)
    adapter = pydantic.TypeAdapter(annotation, config=pydantic.ConfigDict(allow_inf_nan=False))
    try:
        # numbers may be written as strings, but `hidden: true` is a slip, not 1
        return adapter.validate_python(value, strict=isinstance(value, bool) or None)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([path, *(str(step) for step in first["loc"] if isinstance(step, int))])
        problems.append(f"{where}: {_lower(first['msg'])}, got {value!r}")
        return value


def _check_named(kind: str, config: Any, path: str, problems: list[str]) -> dict[str, Any]:
    """A mapping of names to parts of one kind; a name may hold no dot, which separates the steps of a path."""
    if not isinstance(config, Mapping):
        problems.append(f"{path}: expected a mapping of names to parts of kind {kind!r}, got {config!r}")
        return {}
    problems += [f"{path}: {name!r} is no name; give a word without dots" for name in config if not _is_name(name)]
    return {name: check_part(kind, part, _join(path, name), problems) for name, part in config.items() if _is_name(name)}


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip()) and "." not in name


def as_mapping(kind: str, config: Any) -> dict[str, Any] | None:
    """The mapping that a part's bare name or bare number stands for, or None where it stands for nothing."""
    key = registry.KINDS[kind].key
    if isinstance(config, Mapping):
        return dict(config)
    if isinstance(config, str):
        return {key: config}
    if isinstance(config, (int, float)) and not isinstance(config, bool):
        for name, entry in registry.entries(kind).items():
            if entry.scalar is not None:
                return {key: name, entry.scalar: config}
    return None


def _elsewhere(key: str, cls: type, config: Mapping[str, Any], path: str) -> str:
    """The sentence that ends an unknown-key message where the key is one further down: `lr` is `training.optimizer.lr`."""
    found = sorted(_paths_to(key, cls, config, path), key=lambda place: (place.count("."), place))
    shallowest = [repr(place) for place in found if place.count(".") == found[0].count(".")]
    return f"did you mean {' or '.join(shallowest[:SUGGESTED])}?" if found else ""


def _paths_to(key: str, cls: type, config: Mapping[str, Any], path: str) -> Iterator[str]:
    """The dotted paths below `path`, a mapping of `cls`, that end in `key`; of parts, those of the kinds that `config` chooses."""
    for name, (annotation, default) in registry.configuration(cls).items():
        here, value = _join(path, name), _with_kind(annotation, config.get(name, default), default)
        if name == key:
            yield here
        part, section = registry.part_of(annotation), section_of(annotation)
        if part is not None and not part.named:
            mapping = as_mapping(part.kind, value) or {}
            entry = registry.entries(part.kind).get(str(mapping.get(registry.KINDS[part.kind].key)))
            if entry is not None:
                yield from _paths_to(key, entry.cls, {**entry.defaults, **mapping}, here)
        elif section is not None:
            inner = plain(value)
            yield from _paths_to(key, section, inner if isinstance(inner, Mapping) else {}, here)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(v) for v in value)
    return value is None or isinstance(value, (str, int, float, bool))


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
