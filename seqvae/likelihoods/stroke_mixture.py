"""Stroke mixture likelihood: where the pen goes next, and whether it draws, lifts or ends (Ha & Eck 2017, arXiv 1704.03477).

A step is (dx, dy, p1, p2, p3), the offset and the pen state after it as one of three; the last step is (0, 0, 0, 0, 1).

    log p(x_t | ...) = [p3 = 0] log sum_k pi_k N(dx, dy; mu_k, sigma_k, rho_k) + log q_pen,      k = 1..M

The ending step has no offset to score. Everything is in log space and at least float32, whatever autocast says: a density has no
eight-bit approximation. The published code works with densities and adds 1e-6 inside the logarithm, which stops the gradient of
whatever is unlikely; and it lets scales shrink without bound, so that data with repeated offsets (a first offset that is always
zero, integer grids) has unbounded density and training ends in NaN. Here scales have a floor and correlations a limit.

**Temperature** tau sharpens what is drawn. Three definitions are in use, and differ in how far a point may stray:

| form | softmax of pen and component | scale of the component | where |
|---|---|---|---|
| `paper` | logits / tau | sigma sqrt(tau) | Ha & Eck 2017, equation 8 |
| `magenta` | logits / tau | sigma tau | the published TensorFlow code |
| `javascript` | logits / (1/2 + tau/2) | sigma sqrt(tau) | the published browser demonstrations |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from seqvae.batch import SequenceBatch
from seqvae.likelihoods.categorical import Rule
from seqvae.registry import register
from seqvae.steps import StepEmbedding, StepSpec

PEN_STATES = 3  # down, up, end
END = 4  # the column of p3
LOG_SCALE_BOUND = 20.0  # e^20 is wider than any drawing, and its square still fits float32

# name -> (temperature of the softmax, factor on the scales), both functions of tau
TEMPERATURES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "paper": (lambda tau: tau, math.sqrt),
    "magenta": (lambda tau: tau, lambda tau: tau),
    "javascript": (lambda tau: 0.5 + 0.5 * tau, math.sqrt),
}


@dataclass(frozen=True)
class StrokeMixture:
    """Parameters of the next step, at least float32.

    Shapes:
        pen: `[...,3]` logits of down, up, end.
        component: `[...,M]` logits.
        mean: `[...,M,2]`; log_scale: `[...,M,2]`; correlation: `[...,M]`.
    """

    pen: Tensor
    component: Tensor
    mean: Tensor
    log_scale: Tensor
    correlation: Tensor

    def offset_log_prob(self, offset: Tensor) -> Tensor:
        """log sum_k pi_k N(offset), nats, `[...]`, for offsets `[...,2]`."""
        scaled = (offset.unsqueeze(-2) - self.mean) * torch.exp(-self.log_scale)  # [...,M,2]
        along, across = scaled.unbind(-1)
        # the bivariate normal as x, then y given x: no cancelling squares as correlations near 1
        left = torch.log1p(-self.correlation.square())  # log(1 - rho^2)
        across = (across - self.correlation * along) * torch.exp(-0.5 * left)
        squares = along.square() + across.square()
        density = -0.5 * (squares + left) - self.log_scale.sum(-1) - math.log(2 * math.pi)
        return torch.logsumexp(functional.log_softmax(self.component, dim=-1) + density, dim=-1)

    def pen_log_prob(self, pen: Tensor) -> Tensor:
        """log q of the pen states `[...,3]` (one is 1), nats, `[...]`."""
        return (functional.log_softmax(self.pen, dim=-1) * pen).sum(-1)


@register("likelihood", "stroke_mixture")
class StrokeMixtureLikelihood(nn.Module):
    """A mixture of M bivariate normals for the offset, and three pen states.

    Args:
        steps: five numbers a step.
        width: feature width H of the decoder.
        embedding: the decoder's; not used.
        components: M.
        scale_floor: least standard deviation, in the codec's units (a typical offset is 1). One hundredth is under a pixel in
            every public data set, and bounds a step's log density by 9.3 nats at the default correlation limit.
        correlation_limit: greatest |rho|.
        temperature_form: `paper`, `magenta` or `javascript`, see the table above.
    """

    def __init__(
        self,
        steps: StepSpec,
        width: int,
        embedding: StepEmbedding,
        *,
        components: PositiveInt = 20,
        scale_floor: Annotated[float, Field(gt=0)] = 0.01,
        correlation_limit: Annotated[float, Field(gt=0, lt=1)] = 0.99,
        temperature_form: Literal["paper", "magenta", "javascript"] = "paper",
    ) -> None:
        super().__init__()
        self.steps = steps
        self.components = components
        self.scale_floor, self.correlation_limit = scale_floor, correlation_limit
        self.temperature_form = temperature_form
        self.project = nn.Linear(width, PEN_STATES + 6 * components)  # pen | pi | mean x, y | scale x, y | correlation

    def log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        """log p(x|z) in nats per sequence, `[S,B]`, from features `[S,B,T,H]`: the ending step counted, padding never."""
        return self.step_log_prob(features, batch).sum(-1)

    def step_log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        """log p(x_t | x_<t, z) in nats, `[S,B,T]`, exactly zero at padding."""
        mixture = self.mixture(features)
        steps = batch.inputs.masked_fill(~batch.mask.unsqueeze(-1), 0.0)  # what padding holds must not even meet the gradient
        offset = mixture.offset_log_prob(steps[..., :2]) * (1 - steps[..., END])
        return (offset + mixture.pen_log_prob(steps[..., 2:])).masked_fill(~batch.mask, 0.0)

    def mixture(self, features: Tensor) -> StrokeMixture:
        """The next step's distribution from features `[...,H]`, outside autocast."""
        with torch.autocast(features.device.type, enabled=False):
            wide = features.to(torch.promote_types(features.dtype, torch.float32))
            outputs = functional.linear(wide, self.project.weight, self.project.bias)
        pen, component, mean, scale, correlation = outputs.split(
            [PEN_STATES, self.components, 2 * self.components, 2 * self.components, self.components], dim=-1
        )
        raw = scale.unflatten(-1, (2, -1)).transpose(-1, -2).clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND)
        floor = torch.full_like(raw, 2 * math.log(self.scale_floor))
        return StrokeMixture(
            pen=pen,
            component=component,
            mean=mean.unflatten(-1, (2, -1)).transpose(-1, -2),
            log_scale=0.5 * torch.logaddexp(2 * raw, floor),  # sigma^2 = e^(2 raw) + floor^2
            correlation=self.correlation_limit * torch.tanh(correlation),
        )

    def draw(
        self, features: Tensor, rule: Rule, generator: torch.Generator | None = None, allowed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The next step `[R,5]` from features `[R,H]`, and whether it ends the sketch, `[R]` bool.

        Args:
            rule: chooses the pen state and the component; its temperature scales the component. Greedy, at temperature 0, gives
                the likeliest component's mean.
            generator: source of chance.
            allowed: for tokens; strokes know no constraint.
        """
        mixture = self.mixture(features)
        soften, widen = TEMPERATURES[self.temperature_form]
        relative = rule.temperature / soften(rule.temperature) if rule.temperature else 1.0  # the rule itself divides by tau
        pen = rule.choose(relative * mixture.pen, generator)  # [R]
        component = rule.choose(relative * mixture.component, generator)
        chosen = torch.arange(len(features), device=features.device), component
        mean, scale, correlation = mixture.mean[chosen], mixture.log_scale[chosen].exp(), mixture.correlation[chosen]
        along, across = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype).unbind(-1)
        across = correlation * along + (1 - correlation.square()).sqrt() * across
        offset = mean + widen(rule.temperature) * scale * torch.stack([along, across], dim=-1)
        ended = pen == PEN_STATES - 1
        state = functional.one_hot(pen, PEN_STATES).to(offset.dtype)
        return torch.cat([offset.masked_fill(ended.unsqueeze(-1), 0.0), state], dim=-1), ended
