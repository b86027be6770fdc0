"""The importance-weighted objective where it is known on paper: p(z) = N(0, 1), p(x|z) = N(z, 1), q = N(m, s^2), at x = 1.5."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.heads.property_heads import PropertyHeads
from seqvae.model import SequenceModel
from seqvae.objectives.iwae import ImportanceWeighted, _held
from seqvae.priors.standard_normal import StandardNormalPrior
from seqvae.steps import StepSpec

LOG_PX = -1.8280121234846454


class Posterior(nn.Module):
    """N(m, s^2), the same for every record, with m and log s to learn."""

    event_shape = torch.Size([1])

    def __init__(self, mean: float, scale: float) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.tensor(mean, dtype=torch.float64))
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale), dtype=torch.float64))

    def forward(self, features: Tensor) -> Distribution:
        mean = self.mean.expand(len(features), 1)
        return Independent(Normal(mean, self.log_scale.exp().expand_as(mean)), 1)


class Identity(nn.Module):
    def forward(self, *given: Tensor) -> Tensor:
        return given[0]


class First(nn.Module):
    """An encoder whose feature is the first number."""

    def forward(self, batch: SequenceBatch) -> Tensor:
        return batch.inputs[:, 0]


class Observation(nn.Module):
    """x ~ N(z + shift, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros((), dtype=torch.float64))

    def log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        return Normal(features[..., 0] + self.shift, 1.0).log_prob(batch.inputs[:, 0, 0])


def toy(mean: float, scale: float) -> SequenceModel:
    prior = StandardNormalPrior(torch.Size([1])).double()
    return SequenceModel(First(), Posterior(mean, scale), prior, Identity(), Observation())


def copies(count: int) -> SequenceBatch:
    return SequenceBatch(torch.full((count, 1, 1), 1.5, dtype=torch.float64), torch.ones(count, dtype=torch.int64))


def exact(mean: float, scale: float, samples: int, beta: float = 1.0, nodes: int = 60) -> float:
    """L_K by Gauss-Hermite quadrature over all K draws."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    z = mean + scale * points
    log_q = -0.5 * points**2 - math.log(scale)
    log_w = -0.5 * (1.5 - z) ** 2 - 0.5 * math.log(2 * math.pi) + beta * (-0.5 * z**2 - log_q)
    total, joint = log_w, weights
    for _ in range(samples - 1):
        total = np.logaddexp(total[..., None], log_w)
        joint = joint[..., None] * weights
    return float((joint * (total - math.log(samples))).sum())


PUBLISHED = [(1, -2.0439385332046727), (2, -1.899265120432121), (3, -1.8695479299161), (10, -1.83774), (50, -1.82976)]


@pytest.mark.parametrize(("samples", "value"), PUBLISHED)
def test_the_bound_at_published_values(samples: int, value: float) -> None:
    """Within five standard errors, over 40,000 / K sequences."""
    losses = ImportanceWeighted(samples=samples)(toy(0.5, 1.0), copies(40_000 // samples), 0).per_sequence
    error = losses.std() / math.sqrt(len(losses))
    assert abs(-losses.mean() - value) < 5 * error + 5e-5
    if samples <= 2:
        assert exact(0.5, 1.0, samples) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("gradient", ["reparameterised", "doubly_reparameterised"])
def test_the_true_posterior_makes_every_bound_exact(gradient: str) -> None:
    objective = ImportanceWeighted(samples=4, gradient=gradient)  # type: ignore[arg-type]
    losses = objective(toy(0.75, math.sqrt(0.5)), copies(50), 0).per_sequence
    torch.testing.assert_close(losses, torch.full_like(losses, -LOG_PX), rtol=0, atol=1e-12)


@pytest.mark.parametrize("gradient", ["reparameterised", "doubly_reparameterised"])
@pytest.mark.parametrize(("samples", "beta"), [(1, 1.0), (2, 1.0), (3, 1.0), (2, 0.3)])
def test_both_gradients_have_the_bounds_own_as_their_mean(gradient: str, samples: int, beta: float) -> None:
    """Against finite differences of the exact bound, per sequence so that the standard error is known."""
    model, count = toy(0.5, 1.0), 4_000
    posterior = model.posterior
    objective = ImportanceWeighted(samples=samples, gradient=gradient, beta=lambda step: beta)  # type: ignore[arg-type]
    blocks = [torch.autograd.grad(-objective(model, copies(count), 0).total, list(posterior.parameters())) for _ in range(12)]
    h, nodes = 1e-4, 60 if samples < 3 else 40
    slopes = [
        (exact(0.5 + h, 1.0, samples, beta, nodes) - exact(0.5 - h, 1.0, samples, beta, nodes)) / (2 * h),
        (exact(0.5, math.exp(h), samples, beta, nodes) - exact(0.5, math.exp(-h), samples, beta, nodes)) / (2 * h),
    ]
    for place, slope in enumerate(slopes):
        found = torch.stack([block[place] for block in blocks])
        assert abs(found.mean() - slope) < 5 * found.std() / math.sqrt(len(found))


def test_the_decoders_gradient_is_the_same_either_way() -> None:
    found = []
    for gradient in ("reparameterised", "doubly_reparameterised"):
        torch.manual_seed(0)
        model = toy(0.5, 1.0)
        ImportanceWeighted(samples=5, gradient=gradient)(model, copies(20), 0).total.backward()  # type: ignore[arg-type]
        found.append((model.likelihood.shift.grad, model.posterior.mean.grad))
    torch.testing.assert_close(found[0][0], found[1][0])
    assert found[0][1] != found[1][1]


def test_the_doubly_reparameterised_gradient_vanishes_with_its_noise_at_the_true_posterior() -> None:
    """Where q is the true posterior the bound does not depend on z: the gradient is 0 for every draw, not only on average."""
    for gradient, quiet in (("reparameterised", False), ("doubly_reparameterised", True)):
        model = toy(0.75, math.sqrt(0.5))
        ImportanceWeighted(samples=4, gradient=gradient)(model, copies(3), 0).total.backward()  # type: ignore[arg-type]
        assert (abs(model.posterior.mean.grad) < 1e-12) == quiet


@pytest.mark.parametrize("gradient", ["reparameterised", "doubly_reparameterised"])
def test_heads_that_read_the_sample_keep_their_whole_gradient(
    gradient: Literal["reparameterised", "doubly_reparameterised"],
    make_model: Callable[..., SequenceModel],
    tokens: StepSpec,
    make_batch: Callable[..., SequenceBatch],
) -> None:
    """With labels less without them is the gradient of the heads' own loss, in the encoder and in the posterior."""
    model, bare = make_model(), make_batch(tokens)
    head = {"label": {"kind": "classification", "reads": "sample"}}
    model.heads = PropertyHeads(registry.build_named("head", head, model.event_shape)).double()
    batch = replace(bare, labels=torch.tensor([1, 0, 1, 0]))
    objective = ImportanceWeighted(samples=5, gradient=gradient)
    inference = [*model.encoder.parameters(), *model.posterior.parameters()]

    def slopes(value: Callable[[], Tensor]) -> list[Tensor]:
        torch.manual_seed(3)
        return list(torch.autograd.grad(value(), inference))

    taught, untaught = (slopes(lambda b=b: objective(model, b, 0).total) for b in (batch, bare))
    alone = slopes(lambda: model(batch, 5).supervision.mean())
    for one, other, own in zip(taught, untaught, alone, strict=True):
        torch.testing.assert_close(one - other, own)


def test_one_sample_is_the_elbo(
    make_model: Callable[..., SequenceModel], tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    """With K = 1 the bound is log p(x|z) + log p(z) - log q(z|x) at the one draw."""
    model, batch = make_model(), make_batch(tokens)
    torch.manual_seed(2)
    loss = ImportanceWeighted(samples=1)(model, batch, 0).per_sequence
    torch.manual_seed(2)
    torch.testing.assert_close(loss, -model(batch, 1).log_weights[0])


def test_running_statistics_count_a_batch_once(
    make_model: Callable[..., SequenceModel], tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    class Normalised(nn.Module):
        def __init__(self, inner: nn.Module, width: int) -> None:
            super().__init__()
            self.inner, self.norm, self.event_shape = inner, nn.BatchNorm1d(width).double(), inner.event_shape

        def forward(self, features: Tensor) -> Distribution:
            return self.inner(self.norm(features))

    model = make_model()
    model.posterior = Normalised(model.posterior, 16)
    ImportanceWeighted(samples=2, gradient="doubly_reparameterised")(model, make_batch(tokens), 0).total.backward()
    assert model.posterior.norm.num_batches_tracked == 1


@pytest.mark.parametrize("kind", ["diagonal", "full_covariance", "iaf"])
def test_the_held_posterior_sends_no_gradient_into_its_weights(kind: str) -> None:
    posterior: nn.Module = registry.build("posterior", {"kind": kind, "latent": 3}, 4)
    features = torch.randn(5, 4)
    z = posterior(features).sample().requires_grad_()
    live = posterior(features).log_prob(z).sum()
    held = _held(posterior, features).log_prob(z).sum()
    torch.testing.assert_close(held, live)
    weights = list(posterior.parameters())
    to_z, *to_weights = torch.autograd.grad(held, [z, *weights], allow_unused=True)
    torch.testing.assert_close(to_z, torch.autograd.grad(live, z, retain_graph=True)[0])
    assert all(gradient is None for gradient in to_weights)
    assert any(gradient is not None for gradient in torch.autograd.grad(live, weights, allow_unused=True))
