"""What is climbed: a weighted sum of properties, as a model's heads predict them from the latent.

    score(z) = sum_i w_i f_i(z)

with f_i in standard deviations of the training labels, or log-odds, so that weights compare. A negative weight minimises.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqvae.errors import ConfigError
from seqvae.heads.property_heads import PropertyHeads


class Goal:
    """A weighted sum of properties.

    Args:
        heads: the model's.
        weights: by property.

    Raises:
        ConfigError: a property without a head, or a weight of nothing.
    """

    def __init__(self, heads: PropertyHeads, weights: Mapping[str, float]) -> None:
        if not weights:
            raise ConfigError(
                f"nothing to climb; name a property that the model has a head for ({', '.join(heads) or 'it has none'})"
            )
        useless = [name for name, weight in weights.items() if weight == 0 or not math.isfinite(weight)]
        if useless:
            raise ConfigError(f"{useless[0]}={weights[useless[0]]}: give a weight that is a number other than 0")
        self.weights = dict(weights)
        self.heads: dict[str, Any] = {name: heads[name] for name in weights}

    @property
    def names(self) -> list[str]:
        """The properties, in the order in which they were given."""
        return list(self.weights)

    def score(self, z: Tensor) -> Tensor:
        """`[...]` of latents `[...,*event]`; what gradients are taken of."""
        return sum((w * self.heads[name](z).mean(0) for name, w in self.weights.items()), start=torch.zeros(()))

    def spread(self, z: Tensor) -> Tensor:
        """`[...]` standard deviation of the score between ensemble members, the heads taken as independent; 0 without ensembles."""
        variances = (w**2 * self.heads[name](z).var(0, correction=0) for name, w in self.weights.items())
        return sum(variances, start=torch.zeros(())).clamp(min=1e-12).sqrt()

    def predicted(self, z: Tensor) -> Tensor:
        """`[N,P]`, each property in its own unit."""
        if not len(z):
            return z.new_empty(0, len(self.heads))
        with torch.no_grad():
            return torch.stack([head.predict(z).mean for head in self.heads.values()], dim=-1)

    def worth(self, values: np.ndarray) -> np.ndarray:
        """The score that real values `[N,P]` amount to, `[N]`; NaN where one is missing."""
        units = (head.in_units(torch.from_numpy(values[:, i])).numpy() for i, head in enumerate(self.heads.values()))
        return np.sum([w * unit for w, unit in zip(self.weights.values(), units, strict=True)], axis=0)
