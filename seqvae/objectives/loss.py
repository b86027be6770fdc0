"""What an objective gives: one value a sequence, and what is worth reporting of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """What an objective gives.

    per_sequence: `[B]`, what is minimised; the trainer divides its sum by the global number of sequences.
    terms: named `[B]` values to report, nats per sequence (`distortion` and `rate` are always among them, true and unweighted).
    scalars: plain numbers to report (`beta`).
    """

    per_sequence: Tensor
    terms: dict[str, Tensor]
    scalars: dict[str, float]

    @property
    def total(self) -> Tensor:
        """The batch mean, a scalar."""
        return self.per_sequence.mean()
