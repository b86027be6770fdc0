"""The wiring of the five parts: encoder, posterior, prior, decoder, likelihood. Tensors in, tensors out.

    batch -> encoder -> posterior q(z|x) -> z -> decoder -> likelihood p(x|z)
                                            z -> heads -> properties, where there are some
    labels -> condition -> beside z, p(x|z,c), and where asked beside the features, q(z|x,c)

Nothing here knows a modality, a loss or a file. Latents carry the sample dimension first, `[S,B,*event]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.conditions.none import NoCondition
from seqvae.distributions import support
from seqvae.errors import ConfigError
from seqvae.heads.property_heads import PropertyHeads
from seqvae.rate import Rate, rate
from seqvae.steps import StepSpec


@dataclass(frozen=True)
class VaeOutput:
    """What one pass gives; everything an objective or a metric needs.

    Shapes:
        posterior: q(z|x), batch `[B]`; prior: p(z).
        z: `[S,B,*event]`, reparameterised samples of q(z|x).
        decoder_z: `z` as the decoder reads it: the same numbers on a branch of their own, where an objective may weigh the gradient
            that comes back from the decoder, while that of the heads stays whole.
        log_px: `[S,B]` nats per sequence.
        rate: KL(q(z|x) || p(z)), see `Rate`.
        features: `[B,H]` that the posterior read.
        head_losses: by property, weighted, `[B]` nats per sequence; none without heads or labels.
    """

    posterior: Distribution
    prior: Distribution
    z: Tensor
    log_px: Tensor
    rate: Rate
    features: Tensor
    decoder_z: Tensor
    head_losses: dict[str, Tensor] = field(default_factory=dict)

    @property
    def supervision(self) -> Tensor:
        """What all heads together cost, `[B]` nats per sequence; an objective adds it to its loss."""
        return sum(self.head_losses.values(), start=torch.zeros_like(self.log_px[0]))

    @property
    def head_terms(self) -> dict[str, Tensor]:
        """`head_losses` under the names by which they are reported."""
        return {f"head_{name}": loss for name, loss in self.head_losses.items()}

    @property
    def distortion(self) -> Tensor:
        """-log p(x|z) averaged over the samples, nats per sequence, `[B]`."""
        return -self.log_px.mean(0)

    @property
    def log_weights(self) -> Tensor:
        """log p(x|z) + log p(z) - log q(z|x), `[S,B]`: the importance weights of each sample."""
        return self.log_px + self.prior.log_prob(self.z) - self.posterior.log_prob(self.z)


class SequenceModel(nn.Module):
    """A variational autoencoder made of five parts, of heads that predict properties from its latent, and of a condition, what it
    is told of a record besides."""

    def __init__(
        self,
        encoder: nn.Module,
        posterior: nn.Module,
        prior: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        heads: PropertyHeads | None = None,
        condition: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.posterior = posterior
        self.prior = prior
        self.decoder = decoder
        self.likelihood = likelihood
        self.heads = heads if heads is not None else PropertyHeads({})
        self.condition: Any = condition if condition is not None else NoCondition()
        self.ex_post: nn.Module | None = None  # a density of the encodings, fitted after training, to sample from

    @property
    def event_shape(self) -> torch.Size:
        """Shape of one latent."""
        return self.posterior.event_shape  # type: ignore[return-value]

    @property
    def max_steps(self) -> int | None:
        """Steps of the longest sequence that encoder and decoder have positions for; None where there is no end."""
        limits = [limit for part in (self.encoder, self.decoder) if (limit := getattr(part, "max_steps", None)) is not None]
        return min(limits, default=None)

    def project(self, z: Tensor) -> Tensor:
        """Latents `[...,*event]` taken to where the decoder has seen latents: a mean of directions lies inside their sphere."""
        return support.project(self.posterior, z)

    def infer(self, batch: SequenceBatch) -> tuple[Tensor, Distribution]:
        """The features `[B,H]` that the posterior reads, and q(z|x)."""
        features = self.condition.inform(self.encoder(batch), batch.labels)
        return features, self.posterior(features)

    def told(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the decoder reads of latents `[...,B,*event]`: themselves, and what is to be said of labels `[B]`, if anything."""
        return self.condition.tell(z, labels, len(self.event_shape))

    def decoded(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        """The decoder's features `[S,B,T,H]` under teacher forcing, for latents `[S,B,*event]`."""
        return self.decoder(self.told(z, batch.labels), batch)

    def log_likelihood(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        """log p(x|z), `[S,B]` nats per sequence, for latents `[S,B,*event]`."""
        return self.likelihood.log_prob(self.decoded(z, batch), batch)  # type: ignore[operator]

    def forward(self, batch: SequenceBatch, samples: int = 1) -> VaeOutput:
        """Infer, draw `samples` latents, decode them under teacher forcing."""
        seen = self.condition(batch)
        features, posterior = self.infer(seen)
        z = posterior.rsample(torch.Size([samples]))
        decoder_z = z.view_as(z)
        prior, log_px = self.prior(), self.log_likelihood(decoder_z, seen)
        head_losses = self.heads.losses(posterior, z, batch)
        return VaeOutput(posterior, prior, z, log_px, rate(posterior, prior, z), features, decoder_z, head_losses)


def build_model(steps: StepSpec, config: Mapping[str, Any], source_steps: StepSpec | None = None) -> SequenceModel:
    """The model that a checked `model` section describes. Weights come from torch's global generator.

    Args:
        steps: what a codec writes, and reads too unless told otherwise.
        config: the section.
        source_steps: what the encoder reads where that differs (`SequenceBatch.source`).

    Raises:
        ConfigError: parts that do not go together.
    """
    encoder = registry.build("encoder", config["encoder"], source_steps or steps)
    condition = registry.build("condition", config.get("condition", "none"))
    posterior = registry.build("posterior", config["posterior"], encoder.width + condition.feature_width)
    _require_fitting_prior(config)
    prior = registry.build("prior", config["prior"], posterior.event_shape, posterior=posterior)
    told = torch.Size([*posterior.event_shape[:-1], posterior.event_shape[-1] + condition.latent_width])
    decoder = registry.build("decoder", config["decoder"], steps, told)
    likelihood = registry.build("likelihood", config["likelihood"], steps, decoder.width, decoder.embedding)
    heads = registry.build_named("head", config.get("heads") or {}, posterior.event_shape, support=support.support_of(posterior))
    return SequenceModel(encoder, posterior, prior, decoder, likelihood, PropertyHeads(heads), condition)


def standalone(model: SequenceModel, config: Mapping[str, Any]) -> dict[str, Any]:
    """A `model` section that builds the same parts without what they were once loaded from (a network by its name on a hub).

    A part that loads something says how by a method `standalone(config)`; the others build from what the section says.
    """
    says: dict[str, Any] = {name: part.standalone for name, part in model.named_children() if hasattr(part, "standalone")}
    return {name: says[name](part) if name in says else part for name, part in config.items()}


def _require_fitting_prior(config: Mapping[str, Any]) -> None:
    """A posterior has a divergence from priors on its own support only, and may be made for some of them alone."""
    posterior, prior = (registry.lookup(kind, config[kind]["kind"]).cls for kind in ("posterior", "prior"))
    made_for = getattr(posterior, "priors", None)
    if made_for is not None and config["prior"]["kind"] not in made_for:
        raise ConfigError(
            f"model.posterior={config['posterior']['kind']} is made for some priors only, and model.prior="
            f"{config['prior']['kind']} is none of them; choose model.prior among: {', '.join(made_for)}"
        )
    if not support.same_support(posterior, prior):
        fitting = [name for name, entry in registry.entries("prior").items() if support.same_support(posterior, entry.cls)]
        raise ConfigError(
            f"model.posterior={config['posterior']['kind']} lives on {support.name_of(posterior)}, model.prior="
            f"{config['prior']['kind']} on {support.name_of(prior)}; choose model.prior among: {', '.join(fitting)}"
        )
