"""Latents that a user brings: told from records, and checked before a model reads them."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor

from seqvae.errors import DataError
from seqvae.model import SequenceModel

Latents = Tensor | np.ndarray
NUMBERS = "fiu"  # numpy's kinds of them: an array of strings or objects holds records


def are_latents(given: Any) -> TypeGuard[Latents]:
    """Whether what stands in the place of records is their latents: a tensor, or an array of numbers."""
    return isinstance(given, Tensor) or (isinstance(given, np.ndarray) and given.dtype.kind in NUMBERS)


def checked_latents(model: SequenceModel, given: Any) -> Tensor:
    """Latents `[N,*event]` on the model's device, in its precision, and on the support of its posterior: means and sums of
    directions are off it.

    Raises:
        DataError: no numbers, another shape, none at all, or one that is not finite.
    """
    event = list(model.event_shape)
    wanted = f"latents of shape [{', '.join(['N', *map(str, event)])}] with N at least 1"
    try:
        latents = torch.as_tensor(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected {wanted}, got {given!r:.60}, which holds no numbers: {error}") from None
    if latents.dim() != 1 + len(event) or list(latents.shape[1:]) != event or len(latents) == 0:
        raise DataError(f"expected {wanted}, got {list(latents.shape)}")
    if not torch.isfinite(latents).all():
        raise DataError("a latent holds a value that is not finite; mend or drop it")
    first = next(model.parameters(), torch.empty(0))
    return model.project(latents.detach().to(first.device, first.dtype))
