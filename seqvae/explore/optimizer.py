"""Optimisation in the latent space: climb what the heads predict from many starts at once, decode, and let the real property judge.

    starts -> climb (guarded) -> decode points of every path -> valid, new, near enough -> rank by prediction -> real property

A candidate is ranked by what the heads say of it when it is encoded again: of the record that came out, not of the one that the
climb hoped for. The budget of the real property goes down that ranking.

Similarity-constrained (Jin et al. 2018, arXiv 1802.04364): of each path only the part is used up to the furthest point whose greedy
decode is still as similar to the start as asked for, found by bisection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqvae.data.computed import canonical
from seqvae.errors import ConfigError
from seqvae.explore.candidates import Candidates, admitted, decoded, similarity
from seqvae.explore.climb import climb
from seqvae.explore.goal import Goal
from seqvae.explore.guards.guard import Guard
from seqvae.explore.guards.shell import PriorShell
from seqvae.explore.optima import Judged, Optimum, optima
from seqvae.explore.oracle import Oracle
from seqvae.explore.starts import Starts
from seqvae.inference import evaluating

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE


@dataclass(frozen=True)
class Optimised:
    """What an optimisation gave.

    Attributes:
        starts: where the climbs started.
        optima: one a start, the best first.
        oracle_calls: records whose real property was computed.
        paths: `[steps+1,N,*event]`, every climb.
        candidates: everything that came out and was admitted, with its real `values [C,P]`.
    """

    starts: Starts
    optima: list[Optimum]
    oracle_calls: int
    paths: Tensor
    candidates: Candidates
    values: np.ndarray


class LatentOptimizer:
    """Climbs properties from many starts at once.

    Args:
        vae: a model with heads.
        weights: of the properties, by name; a negative one minimises.
        guards: what keeps the climb honest; by default the prior's shell.
        steps, learning_rate: of Adam on the latents.
        points: of each path that are decoded, evenly spaced, the last included.
        draws: sampled decodes of each point, besides the greedy one.
        temperature: of these.
        similarity: least similarity to the start, 0 to 1, or None.

    Raises:
        ConfigError: no head for a property, or a number out of its range.
    """

    def __init__(
        self,
        vae: SeqVAE,
        weights: Mapping[str, float],
        *,
        guards: Sequence[Guard] | None = None,
        steps: int = 50,
        learning_rate: float = 0.1,
        points: int = 4,
        draws: int = 2,
        temperature: float = 0.7,
        similarity: float | None = None,
    ) -> None:
        self.vae, self.goal = vae, Goal(vae.model.heads, weights)
        self.guards = [PriorShell()] if guards is None else list(guards)
        for name, value, least in (("steps", steps, 1), ("points", points, 1), ("draws", draws, 0)):
            if value < least:
                raise ConfigError(f"{name}={value}: give at least {least}")
        if learning_rate <= 0:
            raise ConfigError(f"learning_rate={learning_rate}: give a positive number")
        if similarity is not None and not 0 <= similarity <= 1:
            raise ConfigError(f"similarity={similarity}: give a number from 0 to 1")
        if similarity is not None and not hasattr(vae.modality, "similarity"):
            raise ConfigError(f"similarity={similarity}: {vae.modality.name} data has no measure of similarity")
        self.steps, self.learning_rate = steps, learning_rate
        self.points, self.draws, self.temperature, self.least = points, draws, temperature, similarity

    def climb(self, starts: Starts) -> Tensor:
        """The guarded path of every start, `[steps+1,N,*event]`; nothing is decoded unless a guard does."""
        model = self.vae.model
        begin = replace(starts, z=model.project(starts.z))  # a mean of directions lies inside their sphere
        with evaluating(model):
            for guard in self.guards:
                guard.begin(self.vae, self.goal, begin)
            return climb(self.goal.score, begin.z, self.guards, self.steps, self.learning_rate, model.project)

    def run(self, starts: Starts, oracle: Oracle, seed: int | None = None) -> Optimised:
        """Climb from all starts and judge what comes out.

        Args:
            starts: where from; each climb keeps to its start's class.
            oracle: the real properties, the goal's in its order; one without functions leaves the judgement to the heads.
            seed: of the sampled decodes.

        Raises:
            ConfigError: an oracle of other properties.
            DataError: a property that fails on every record.
        """
        if oracle.width != len(self.goal.names):
            raise ConfigError(f"the oracle knows {oracle.width} properties, and {', '.join(self.goal.names)} are climbed")
        forms = [canonical(self.vae.modality, record) for record in starts.records]
        if starts.values is not None:
            oracle.tell(forms, starts.values)
        paths = self.climb(starts)
        last = torch.full((len(starts.records),), self.steps) if self.least is None else self._furthest(paths, starts)
        found = decoded(self.vae, self._points(paths, last), starts, self.draws, self.temperature, seed)
        found = admitted(found, self.guards, self.least)
        predicted = self._predicted(found.again)
        order = np.argsort(-self.goal.worth(predicted), kind="stable")
        oracle.ask([found.records[i] for i in order])
        oracle.ask([form for form in forms if form is not None])
        values, own = oracle.recall(found.records), oracle.recall(forms)
        judged, before = Judged(self.goal, values, predicted), Judged(self.goal, own, self._predicted(starts.z))
        return Optimised(starts, optima(starts.records, before, found, judged), oracle.calls, paths, found, values)

    def _predicted(self, z: Tensor) -> np.ndarray:
        """`[N,P]` float64."""
        return self.goal.predicted(z).cpu().double().numpy()

    def _points(self, paths: Tensor, last: Tensor) -> Tensor:
        """`[points,N,*event]` evenly spaced on each path up to its step `last [N]`."""
        share = torch.arange(1, self.points + 1) / self.points
        steps = (share[:, None] * last).ceil().long().to(paths.device)  # [points,N]
        return paths[steps, torch.arange(paths.shape[1], device=paths.device)]

    def _furthest(self, paths: Tensor, starts: Starts) -> Tensor:
        """`[N]`: the last step of each path whose greedy decode is still similar enough, by bisection; 0 where none is."""
        row = torch.arange(len(starts.records))
        low, high = torch.zeros_like(row), torch.full_like(row, self.steps)
        middle = high  # the end first: where it will do, nothing need be searched
        while bool((low < high).any()):
            found = self.vae.decode(paths[middle.to(paths.device), row.to(paths.device)], labels=starts.told)
            good = torch.from_numpy(self._near(starts.records, found))
            low, high = torch.where(good, middle, low), torch.where(good, high, middle - 1)
            middle = (low + high + 1) // 2
        return low

    def _near(self, records: Sequence[Any], found: Sequence[Any]) -> np.ndarray:
        """`[N]` bool: what was found is valid, and as similar to its record as asked for."""
        forms = [canonical(self.vae.modality, record) for record in found]
        valid = np.array([form is not None for form in forms])
        compared = [record if form is None else form for record, form in zip(records, forms, strict=True)]
        return valid & (similarity(self.vae.modality, records, compared) >= self.least)
