"""Where training stands: the few numbers that, with weights and random states, let it go on as if it had never stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seqvae.recipe import PlateauDecay, TrainingSettings


@dataclass
class Progress:
    """Mutable state of the loop, stored as JSON.

    Attributes:
        step: optimiser steps done.
        epoch: epochs begun, 0-based; batch: micro-batches of it done.
        best_elbo, best_step: the best validation ELBO so far (nats per sequence; its rate weighed by `training.best_beta`, 1 unless
            a recipe says otherwise) and where it was.
        validated_step: step of the last validation.
        waiting: validations since the best or the last decay.
        decays: learning-rate decays so far.
        tokens: real steps (EOS counted) trained on, over all processes; seconds: time spent on them.
        finished: whether training came to its end.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best_elbo: float = -math.inf
    best_step: int = -1
    validated_step: int = -1
    waiting: int = 0
    decays: int = 0
    tokens: int = 0
    seconds: float = 0.0
    finished: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain values; minus infinity becomes null, which JSON has."""
        state = asdict(self)
        return {**state, "best_elbo": None if math.isinf(self.best_elbo) else self.best_elbo}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Progress:
        """The inverse of `to_json`."""
        return cls(**{**state, "best_elbo": -math.inf if state["best_elbo"] is None else state["best_elbo"]})

    @property
    def tokens_per_second(self) -> float:
        """Real tokens per second of training time; validation and checkpoints do not count."""
        return self.tokens / self.seconds if self.seconds > 0 else 0.0

    def reached(self, settings: TrainingSettings) -> bool:
        """Whether the wanted number of steps or epochs is done."""
        steps = settings.steps is not None and self.step >= settings.steps
        epochs = settings.epochs is not None and self.epoch >= settings.epochs
        return steps or epochs

    def validated(self, elbo: float, decay: PlateauDecay | None, settled: bool) -> tuple[bool, bool]:
        """Take in a validation ELBO: (is it the best, is a decay due).

        Args:
            elbo: nats per sequence, see `best_elbo`.
            decay: the plateau rule, or None.
            settled: whether the objective has; before, a rising loss is the schedule's doing and does not count.
        """
        best = elbo > self.best_elbo
        if best:
            self.best_elbo, self.best_step, self.waiting = elbo, self.step, 0
        elif decay is not None and settled and self.epoch >= decay.after_epoch:
            self.waiting += 1
        due = decay is not None and self.waiting >= decay.patience
        if due:
            self.decays, self.waiting = self.decays + 1, 0
        return best, due
