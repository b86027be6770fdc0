"""A user's own function, named by where it stands: `package.module:function` or `file.py:function`.

Loading one runs its module, so only what a user types on the command line is ever loaded, never what a recipe or a model brings.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from seqvae.errors import ConfigError

FORM = "give package.module:function or file.py:function"


def function_at(place: str) -> Callable[[Any], float]:
    """The function of one record that `place` names.

    Raises:
        ConfigError: no such module or function, or a module that fails while it is loaded.
    """
    where, _, name = place.rpartition(":")
    if not where or not name:
        raise ConfigError(f"{place!r} names no function; {FORM}")
    try:
        module = _from_file(Path(where).expanduser()) if where.endswith(".py") else _from_name(where)
    except Exception as error:  # whatever a user's module raises while it is loaded
        raise ConfigError(f"cannot load {place!r}: {type(error).__name__}: {error}; {FORM}") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise ConfigError(f"{where} has no function {name!r}; {FORM}")
    return found


def _from_file(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _from_name(name: str) -> ModuleType:
    """A module on the path, the working directory included, where a script's would be."""
    sys.path.insert(0, "")
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove("")
