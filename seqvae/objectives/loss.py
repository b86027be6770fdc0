"""What an objective gives: one value a sequence, and what is worth reporting of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from seqvae.model import VaeOutput


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


def true_terms(output: VaeOutput) -> dict[str, Tensor]:
    """What every objective reports of a pass, unweighted and without gradients, `[B]` nats: `distortion`, `rate`, `head_NAME`."""
    rate = output.rate.total
    terms = {"distortion": output.distortion, "rate": rate.mean(0) if rate.dim() == 2 else rate}
    terms |= output.head_terms
    return {name: term.detach() for name, term in terms.items()}
