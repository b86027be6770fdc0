"""YAML as recipes are written: `1e-3` is a number, and a key that stands twice is an error.

PyYAML follows YAML 1.1, where `1e-3` is a string (it wants `1.0e-3`) and the last of two equal keys silently wins.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_EXPONENT = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+\Z")


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        written = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in written:
            if key != "<<" and written.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes the strings that the loader would take for numbers."""


for side in (_Loader, _Dumper):
    side.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def load(text: str) -> Any:
    """The value of a yaml text. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)  # a SafeLoader: plain values only


def dump(value: Any) -> str:
    """The yaml text of a plain value, keys in their order, that `load` reads back to an equal value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
