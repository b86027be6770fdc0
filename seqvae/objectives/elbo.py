"""The evidence lower bound and its family, as one loss in nats per sequence:

    distortion + (1 - alpha) beta(t) shape(rate) + (alpha + scaling - 1) D(q(z) || p(z))

| preset | alpha, scaling | what it is |
|---|---|---|
| `elbo` | 0, 1 | with beta 1 and the plain rate exactly -ELBO (Kingma & Welling 2014, arXiv 1312.6114); a schedule is annealing |
| `beta` | 0, 1 | beta-VAE (Higgins et al. 2017); against collapse beta is taken below 1, here 0.4 |
| `info` | 0, 10 | InfoVAE (Zhao et al. 2019, arXiv 1706.02262): the full rate, and 9 MMD |
| `mmd` | 1, 100 | MMD-VAE, also WAE-MMD (Tolstikhin et al. 2018, arXiv 1711.01558): the aggregated posterior alone is held |
| `aae` | 1, 10 | adversarial autoencoder (Makhzani et al. 2016, arXiv 1511.05644): D is a discriminator |
| `daae` | 1, 10 | denoising AAE (Shen et al. 2020, arXiv 1905.12777): and the encoder reads noised text |

The paper's objective is maximised; these are the signs of the minimised loss. `scaling` is its lambda. D is one number a batch,
added to each of its sequences; under accumulation it is taken within each micro-batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.model import VaeOutput
from seqvae.objectives.divergences import Divergence, prior_samples
from seqvae.objectives.loss import Loss, true_terms
from seqvae.objectives.noise import Noise
from seqvae.objectives.rate_policies import Across, Plain, RatePolicy
from seqvae.objectives.schedules import Constant, Schedule, settled
from seqvae.registry import Part, register


@register("objective", "elbo")
@register("objective", "beta", beta=0.4)
@register("objective", "info", scaling=10.0, divergence="mmd")
@register("objective", "mmd", alpha=1.0, scaling=100.0, divergence="mmd")
@register("objective", "aae", alpha=1.0, scaling=10.0, divergence="adversarial")
@register("objective", "daae", alpha=1.0, scaling=10.0, divergence="adversarial", noise="word_drop")
class Elbo(nn.Module):
    """Distortion, a weighted and shaped rate, and a weighted divergence of the aggregated posterior from the prior.

    Args:
        beta: weight of the rate, a schedule of the global step or a number.
        rate: rate policy; `plain` when absent.
        samples: latents drawn per sequence.
        alpha: 1 takes the rate out, 0 leaves it whole.
        scaling: lambda of InfoVAE.
        divergence: D; needed where its weight is not 0.
        noise: on what the encoder reads; the decoder still writes the clean sequence.

    Raises:
        ConfigError: the divergence has a negative weight, or a weight and no kind.
    """

    def __init__(
        self,
        *,
        beta: Annotated[Schedule | None, Part("schedule")] = None,
        rate: Annotated[RatePolicy | None, Part("rate_policy")] = None,
        samples: PositiveInt = 1,
        alpha: Annotated[float, Field(le=1)] = 0.0,
        scaling: Annotated[float, Field(ge=0)] = 1.0,
        divergence: Annotated[Divergence | None, Part("divergence")] = None,
        noise: Annotated[Noise | None, Part("noise")] = None,
    ) -> None:
        super().__init__()
        self.beta: Schedule = beta or Constant(value=1.0)
        self.rate: RatePolicy = rate if rate is not None else Plain()
        self.samples, self.alpha, self.gamma = samples, alpha, alpha + scaling - 1
        self.divergence, self.noise = divergence, noise
        if self.gamma < 0:
            raise ConfigError(
                f"objective: alpha + scaling - 1 is {self.gamma:g}, a negative weight; give scaling={1 - alpha:g} or more"
            )
        if self.gamma > 0 and divergence is None:
            raise ConfigError(f"objective.divergence: missing, and its weight is {self.gamma:g}; give mmd or adversarial")

    def settled(self, step: int) -> bool:
        """Whether beta's schedule has run its course: before, a rising loss may be its doing."""
        return settled(self.beta, step)

    def stepped(self, losses: Sequence[Loss], across: Across) -> None:
        """Told the losses of every global step once it is done; learned multipliers move here, once a step."""
        self.rate.learn(losses, across)

    def forward(self, model: nn.Module, batch: SequenceBatch, step: int, across: Across = lambda mean: mean) -> Loss:
        """The loss of a batch at a global step. `across` averages a batch mean over ranks."""
        output: VaeOutput = model(self._noised(batch), self.samples)
        beta = self.beta(step)
        loss, terms = output.distortion + output.supervision, true_terms(output)
        if self.alpha != 1:  # a rate that is not charged may be infinite
            loss = loss + (1 - self.alpha) * beta * self.rate(output.rate, across, step)
        if self.divergence is not None and self.gamma > 0:
            held = self._held(self.divergence, output)
            loss = loss + self.gamma * held["divergence"] + held.get("discriminator", 0.0)
            terms |= {name: term.detach().expand_as(loss) for name, term in held.items()}
        scalars = {"beta": beta, **self.rate.scalars()}
        return Loss(loss, terms, scalars)

    def _noised(self, batch: SequenceBatch) -> SequenceBatch:
        return batch if self.noise is None else replace(batch, source=self.noise(batch.encoder_view))

    def _held(self, divergence: Divergence, output: VaeOutput) -> dict[str, Tensor]:
        """`divergence`, what the model is charged, and `discriminator`, what a divergence with weights of its own minimises."""
        prior = prior_samples(output.prior, output.z)
        # sample by sample: the S latents of one record are no independent draws of q(z)
        apart = [divergence(some, others) for some, others in zip(output.z, prior, strict=True)]
        held = {"divergence": torch.stack(apart).mean(0)}
        own = divergence.own_loss(output.z.detach().flatten(0, 1), prior.detach().flatten(0, 1))
        return held if own is None else held | {"discriminator": own}
