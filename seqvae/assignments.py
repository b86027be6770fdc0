"""`key=value` assignments to a configuration, by dotted keys that its settings class gives a meaning to; values are yaml.

A bare string stands for a mapping's main key (`data=reviews.txt` is `data.source`, `plan=joint` is `plan.kind`, `objective=elbo` is
`objective.preset`). Changing a part's kind keeps the keys that the new kind also takes and drops the rest, so that an assignment
changes the parts it names and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from seqvae import registry, schema, strict_yaml
from seqvae.errors import ConfigError
from seqvae.registry import Part

Config = dict[str, Any]
Dotted = list[str]


def assign(settings: type, config: Mapping[str, Any], assignments: Sequence[str]) -> Config:
    """A copy of `config`, a mapping of the class `settings`, with `key=value` assignments applied; both are still unchecked.

    Raises:
        ConfigError: an assignment without `=`, or with a value that is no yaml.
    """
    parsed = [_parse(assignment) for assignment in assignments]
    result: Config = schema.plain(config)
    keys = _Keys(settings)
    # kinds first: `model.posterior.latent=64 model.posterior=diagonal` must not lose the 64
    for path, value in sorted(parsed, key=lambda item: not keys.name_a_kind(item[0])):
        keys.set(result, path, value)
    return result


def _parse(assignment: str) -> tuple[Dotted, Any]:
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"expected key=value, got {assignment!r}")
    try:
        return key.strip().split("."), strict_yaml.load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{key.strip()}: {text!r} is no yaml value; quote it") from None


@dataclass(frozen=True)
class _Keys:
    """What dotted keys mean in a mapping of the class `settings`."""

    settings: type

    def name_a_kind(self, path: Dotted) -> bool:
        """Whether a value at `path` chooses among kinds of parts."""
        return isinstance(self._slot(path), Part) or path[-1] in {kind.key for kind in registry.KINDS.values()}

    def set(self, config: Config, path: Dotted, value: Any) -> None:
        """Set one dotted key; a bare string or number on the way, or at the end, stands for its mapping's main key."""
        for depth in range(1, len(path)):
            name = path[depth - 1]
            config[name] = self._opened(config.get(name), path[:depth])
            config = config[name]
        name, main = path[-1], self._main_key(path)
        held = config.get(name)
        if main and isinstance(value, str) and isinstance(held, dict):
            self._rename(held, path, main, value)
        elif len(path) > 1 and name == self._main_key(path[:-1]) and isinstance(self._slot(path[:-1]), Part):
            self._rename(config, path[:-1], name, value)
        else:
            config[name] = value

    def _opened(self, held: Any, path: Dotted) -> Config:
        """The mapping that a value at `path` stands for, to set a key inside it."""
        if isinstance(held, dict):
            return held
        slot, main = self._slot(path), self._main_key(path)
        if isinstance(slot, Part) and not slot.named:
            return schema.as_mapping(slot.kind, held) or {}
        return {main: held} if isinstance(held, str) and main else {}

    def _rename(self, held: Config, path: Dotted, main: str, value: Any) -> None:
        """Change a mapping's main key; a new kind keeps the keys that it also takes, less those that make either a preset."""
        slot = self._slot(path)
        if isinstance(slot, Part) and held.get(main) != value and value in registry.names(slot.kind):
            known, new = registry.entries(slot.kind), registry.lookup(slot.kind, value)
            old = known.get(str(held.get(main)))
            kept = registry.configuration(new.cls).keys() - new.defaults.keys() - (old.defaults.keys() if old else set())
            for name in [name for name in held if name not in kept]:
                del held[name]
        held[main] = value

    def _main_key(self, path: Dotted) -> str | None:
        slot = self._slot(path)
        if isinstance(slot, Part):
            return None if slot.named else registry.KINDS[slot.kind].key
        return getattr(slot, "MAIN_KEY", None)

    def _slot(self, path: Dotted) -> Part | type | None:
        """What a dotted path names: a part, a settings section, or a plain value (None).

        Inside a part any keyword of any of its kinds counts, since the kind may change in the same command.
        """
        owners: list[type] = [self.settings]
        slot: Part | type | None = None
        for name in path:
            if isinstance(slot, Part) and slot.named:
                slot = Part(slot.kind)  # any name is one of the mapping's
                continue
            annotations = [found[name][0] for owner in owners if name in (found := registry.configuration(owner))]
            slot = next((s for a in annotations if (s := registry.part_of(a) or schema.section_of(a))), None)
            if isinstance(slot, Part):
                owners = [entry.cls for entry in registry.entries(slot.kind).values()]
            else:
                owners = [slot] if slot else []
        return slot
