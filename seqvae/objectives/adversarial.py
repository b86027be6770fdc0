"""A discriminator as divergence (Makhzani et al. 2016, arXiv 1511.05644): it learns to tell the prior's samples from the
posterior's.

    discriminator  -log sigmoid(D(z')) - log(1 - sigmoid(D(z))),  z' ~ p(z), z ~ q(z)
    model          -log sigmoid(D(z)): the non-saturating loss, whose gradient does not vanish when the discriminator is sure

Both on logits, so that no certainty overflows. The two losses are taken at the same weights in one backward pass; a plan may step
the two sides apart, or the discriminator more often.
"""

from __future__ import annotations

import itertools

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from seqvae.objectives.divergences import Divergence
from seqvae.registry import register


@register("divergence", "adversarial")
class Adversarial(Divergence):
    """A multilayer perceptron that says whether a latent came from the prior.

    Args:
        event_shape: shape of one latent.
        hidden: units of each hidden layer (ReLU).
        layers: hidden layers.
    """

    def __init__(self, event_shape: torch.Size, *, hidden: PositiveInt = 512, layers: PositiveInt = 1) -> None:
        super().__init__()
        widths = [event_shape.numel(), *[hidden] * layers]
        stack: list[nn.Module] = [nn.Flatten()]
        for width, wider in itertools.pairwise(widths):
            stack += [nn.Linear(width, wider), nn.ReLU()]
        self.discriminator = nn.Sequential(*stack, nn.Linear(widths[-1], 1))

    def forward(self, z: Tensor, prior: Tensor) -> Tensor:
        """How surely the discriminator takes `z [N,*event]` for no sample of the prior: mean nats, a scalar."""
        frozen = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        logits = functional_call(self.discriminator, frozen, (z,))
        return functional.softplus(-logits.float()).mean()

    def own_loss(self, z: Tensor, prior: Tensor) -> Tensor:
        """The discriminator's cross entropy, nats, summed over the two sides; 2 ln 2 where it cannot tell them apart."""
        of_posterior, of_prior = (self.discriminator(side).float() for side in (z, prior))
        return functional.softplus(of_posterior).mean() + functional.softplus(-of_prior).mean()
