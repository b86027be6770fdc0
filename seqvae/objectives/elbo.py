"""The evidence lower bound, as a loss: distortion + beta(t) * shape(rate), in nats per sequence.

With beta 1 and the plain rate it is exactly -ELBO (Kingma & Welling 2014, arXiv 1312.6114); a constant beta is the beta-VAE
(Higgins et al. 2017); a schedule is annealing; `rate: free_bits` gives nats for nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import PositiveInt
from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.model import VaeOutput
from seqvae.objectives.rate_policies import Across, Plain, RatePolicy, per_sequence
from seqvae.objectives.schedules import Constant, Schedule
from seqvae.registry import Part, register


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


@register("objective", "elbo")
class Elbo(nn.Module):
    """Negative ELBO with a weighted, shaped rate.

    Args:
        beta: weight of the rate, a schedule of the global step or a number.
        rate: rate policy; `plain` when absent.
        samples: latents drawn per sequence.
    """

    def __init__(
        self,
        *,
        beta: Annotated[Schedule | None, Part("schedule")] = None,
        rate: Annotated[RatePolicy | None, Part("rate_policy")] = None,
        samples: PositiveInt = 1,
    ) -> None:
        super().__init__()
        self.beta: Schedule = beta or Constant(value=1.0)
        self.rate: RatePolicy = rate or Plain()
        self.samples = samples

    def settled(self, step: int) -> bool:
        """Whether beta is within 1 % of what it will be in the long run: before, a rising loss may be the schedule's doing."""
        return math.isclose(self.beta(step), self.beta(10**12), rel_tol=0.01)

    def forward(self, model: nn.Module, batch: SequenceBatch, step: int, across: Across = lambda mean: mean) -> Loss:
        """The loss of a batch at a global step. `across` averages a batch mean over ranks."""
        output: VaeOutput = model(batch, self.samples)
        beta = self.beta(step)
        true_rate = per_sequence(output.rate.per_dimension).sum(-1)
        loss = output.distortion + beta * self.rate(output.rate, across) + output.supervision
        terms = {
            "distortion": output.distortion,
            "rate": true_rate,
            **{f"head_{name}": loss for name, loss in output.head_losses.items()},
        }
        return Loss(loss, {name: term.detach() for name, term in terms.items()}, {"beta": beta})
