"""Properties of records by functions: a modality's own (a molecule's logP, a sentence's words), and those that a user gives.

A modality that has any offers `property_function(name)`, which gives a function from records to one number each, NaN for a record
that has no such property. A recipe names them in `data.computed`; they stand beside the columns of `data.properties`, computed
while the source is prepared.

A user's function reads a record in its canonical form, whether a head is to learn it or an optimisation asks it.

Only a modality's own functions may be named in a recipe: recipes travel with models, and must not name code to run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqvae.errors import ConfigError, DataError

log = logging.getLogger("seqvae")
PropertyFunction = Callable[[Sequence[Any]], np.ndarray]
Given = Sequence[float] | Tensor | np.ndarray | Callable[[Any], float]  # a number a record, or a function that tells it


def property_functions(modality: Any, names: Sequence[str]) -> dict[str, PropertyFunction]:
    """The modality's functions of these names.

    Raises:
        ConfigError: an unknown name, or a modality that computes none.
    """
    if names and not hasattr(modality, "property_function"):
        raise ConfigError(f"{modality.name} data has no computed properties, {names[0]!r} was asked for; use a column of the data")
    foreign = [name for name in names if ":" in name]
    if foreign:
        raise ConfigError(
            f"data.computed: {foreign[0]!r} is no property of {modality.name} data; give your own to seqvae fit-heads"
        )
    return {name: modality.property_function(name) for name in names}


def canonical(modality: Any, record: Any) -> Any:
    """A record's canonical form, None where it is no record; itself where the modality has no such form."""
    return modality.canonical(record) if hasattr(modality, "canonical") else record


def each(function: Callable[[Any], float], modality: Any) -> PropertyFunction:
    """A user's function of one record as one of many, which reads their canonical forms."""
    return lambda records: np.array([_plain(function(canonical(modality, record))) for record in records], dtype=np.float64)


def compute(functions: Mapping[str, PropertyFunction], records: Sequence[Any]) -> np.ndarray:
    """`[N,P]` float64, one column a function; NaN, with a line in the log, where a function fails."""
    columns = [computed(name, function, records) for name, function in functions.items()]
    return np.stack(columns, axis=1) if columns else np.empty((len(records), 0))


def computed(name: str, function: PropertyFunction, records: Sequence[Any]) -> np.ndarray:
    """`[N]` values of one function: all records together if it can, else one by one, so that one bad record costs only itself."""
    try:
        return _checked(function(records), len(records))
    except Exception:  # whatever a property may raise, over records of which most are good
        failures: list[str] = []
        values = np.array([_one(function, record, failures) for record in records])
        if failures:
            log.warning("%s failed on %d of %d records, which lack it; first %s", name, len(failures), len(records), failures[0])
        return values


def property_values(name: str, given: Given, records: Sequence[Any] | Tensor, count: int, modality: Any) -> Tensor:
    """`[N]` float32 values of a property that a user gives, NaN where missing or where its function fails.

    Args:
        name: the property's, for messages.
        given: the values, or a function from a record to its own.
        records: parsed, for the function; a tensor is latents, which it cannot read.
        count: N.
        modality: of the records.

    Raises:
        DataError: a function without records; values of another number, or all missing.
    """
    if callable(given):
        if isinstance(records, Tensor):
            raise DataError(f"{name}: a function needs the records themselves, and latents were given")
        values = computed(name, each(given, modality), records)
    else:
        values = np.asarray(_plain(given), dtype=np.float64)
    if values.shape != (count,):
        raise DataError(f"{name}: expected {count} numbers, one a record, got shape {list(values.shape)}")
    if np.isnan(values).all():
        raise DataError(f"{name}: every value is missing; nothing to learn from")
    return torch.from_numpy(values.astype(np.float32))


def _plain(given: Any) -> Any:
    """A tensor as an array, wherever it lies and whatever hangs on it; all else as it is."""
    return given.detach().cpu().numpy() if isinstance(given, Tensor) else given


def _one(function: PropertyFunction, record: Any, failures: list[str]) -> float:
    try:
        return float(_checked(function([record]), 1)[0])
    except Exception as error:
        failures.append(f"{record!r:.60}: {type(error).__name__}: {error}")
        return float("nan")


def _checked(values: Any, count: int) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (count,):
        raise ValueError(f"gave an array of shape {array.shape} for {count} records")
    return array
