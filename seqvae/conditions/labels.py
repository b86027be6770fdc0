"""What a user says of the classes of records: one for all of them, or one for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from seqvae.errors import ConfigError

Label = str | int | None
"""A class by name (a string) or place among the names; None or -1 where it is unknown."""
Labels = Label | Sequence[Label] | np.ndarray | Tensor
"""One for all records, or one for each."""

UNKNOWN = -1


def one_each(given: Labels, count: int) -> list[Label]:
    """The label of each of `count` records.

    Raises:
        ConfigError: neither one for all nor one for each.
    """
    each = given.tolist() if isinstance(given, np.ndarray | Tensor) else given
    if isinstance(each, str) or not isinstance(each, Iterable):
        return [each] * count
    labels = list(each)
    if len(labels) != count:
        raise ConfigError(f"labels: {len(labels)} were given for {count} records; give one for each, or one for all")
    return labels
