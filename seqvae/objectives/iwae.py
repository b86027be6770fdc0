"""The importance-weighted bound as a loss (Burda et al. 2016, arXiv 1509.00519), in nats per sequence.

    L_K = E log (1/K) sum_k w_k,   log w_k = log p(x|z_k) + beta(t) (log p(z_k) - log q(z_k|x)),   z_k ~ q(z|x)

With beta 1 it rises with K from the ELBO towards log p(x). The signal in the encoder's gradient falls with K against its noise
(Rainforth et al. 2018); the doubly reparameterised gradient (Tucker et al. 2019, arXiv 1810.04152) has the same mean and no such
fall: log q is held fixed but for its argument, and the gradient that reaches z_k through log w_k is weighted by w~_k once more,
w~ being the weights normalised. Under beta, the reparameterised score term gives (1 - beta) w~ + beta w~^2 in place of w~^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Annotated, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.distributions import Distribution

from seqvae.batch import SequenceBatch
from seqvae.importance import iwae
from seqvae.model import VaeOutput
from seqvae.objectives.loss import Loss, true_terms
from seqvae.objectives.rate_policies import Across
from seqvae.objectives.schedules import Constant, Schedule, settled
from seqvae.registry import Part, register


@register("objective", "iwae")
class ImportanceWeighted(nn.Module):
    """The negative bound of K samples.

    Args:
        samples: K; a step decodes so many latents a sequence, and costs as many times more in the decoder.
        gradient: `reparameterised`, or `doubly_reparameterised`.
        beta: weight of log p(z) - log q(z|x), a schedule of the global step or a number.
    """

    def __init__(
        self,
        *,
        samples: PositiveInt = 5,
        gradient: Literal["reparameterised", "doubly_reparameterised"] = "reparameterised",
        beta: Annotated[Schedule | None, Part("schedule")] = None,
    ) -> None:
        super().__init__()
        self.samples, self.doubly = samples, gradient == "doubly_reparameterised"
        self.beta: Schedule = beta or Constant(value=1.0)

    def settled(self, step: int) -> bool:
        """As the ELBO's."""
        return settled(self.beta, step)

    def stepped(self, losses: Sequence[Loss], across: Across) -> None:
        """Nothing is learnt between steps."""

    def forward(self, model: nn.Module, batch: SequenceBatch, step: int, across: Across = lambda mean: mean) -> Loss:
        """The loss of a batch at a global step."""
        beta = self.beta(step)
        output: VaeOutput = model(batch, self.samples)
        bound = self._doubly(model, output, beta) if self.doubly else iwae(_log_weights(output, output.posterior, output.z, beta))
        return Loss(output.supervision - bound, true_terms(output), {"beta": beta})

    def _doubly(self, model: nn.Module, output: VaeOutput, beta: float) -> Tensor:
        """The bound, with the doubly reparameterised gradient."""
        z = output.z.view_as(output.z)  # what the densities read; the heads' gradient at output.z itself is no part of the bound's
        log_weights = _log_weights(output, _held(model.posterior, output.features), z, beta)  # type: ignore[arg-type]
        share = torch.softmax(log_weights.detach(), dim=0)  # w~, [S,B]
        if z.requires_grad:
            again = (1 - beta) + beta * share
            for read in (output.decoder_z, z):
                read.register_hook(lambda gradient: gradient * again.view(*again.shape, *[1] * (gradient.dim() - 2)))
        surrogate = (share * log_weights).sum(0)  # its gradient is the bound's, as softmax is the gradient of logsumexp
        return surrogate + (iwae(log_weights) - surrogate).detach()


def _log_weights(output: VaeOutput, posterior: Distribution, z: Tensor, beta: float) -> Tensor:
    """log w, `[S,B]` nats, with the density of `posterior` in place of q's own, at the output's `z`."""
    return output.log_px + beta * (output.prior.log_prob(z) - posterior.log_prob(z))


def _held(posterior: nn.Module, features: Tensor) -> Distribution:
    """q(z|x) of the same features, through which no gradient flows but that of its argument.

    By a copy of the posterior: its distribution may hold on to weights of it (a flow's) and read them only when it is asked for a
    density, and one that keeps running statistics must count the batch once.
    """
    held: Distribution = deepcopy(posterior).requires_grad_(False)(features.detach())
    return held
