"""The whole model: what must not change its numbers does not, and they are the numbers of the equations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import special, stats
from torch import Tensor
from torch.distributions import Independent, Normal

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.model import SequenceModel, VaeOutput
from seqvae.objectives.elbo import Elbo
from seqvae.rate import Rate
from seqvae.steps import StepSpec

MakeModel, MakeBatch = Callable[..., SequenceModel], Callable[..., SequenceBatch]
CHANGES: list[dict[str, dict[str, Any]]] = [
    {},
    {"encoder": {"cell": "gru", "pooling": "mean", "layers": 2}, "decoder": {"cell": "gru", "layers": 2}},
    {"encoder": {"pooling": "last", "bidirectional": False}, "decoder": {"injection": ("input",)}, "likelihood": {"tied": True}},
]


@pytest.fixture(params=CHANGES, ids=str)
def model(request: pytest.FixtureRequest, make_model: MakeModel) -> SequenceModel:
    return make_model(**request.param)


@pytest.fixture
def batch(tokens: StepSpec, make_batch: MakeBatch) -> SequenceBatch:
    return make_batch(tokens)


def loss_of(model: SequenceModel, batch: SequenceBatch, noise: Tensor) -> Tensor:
    """-ELBO `[B]` at z = mean + stddev * noise."""
    _, q = model.infer(batch)
    z = q.mean + q.stddev * noise.to(q.mean)
    kl = (q.mean**2 + q.variance - 1 - q.variance.log()).sum(-1) / 2
    return kl - model.log_likelihood(z[None], batch)[0]


def test_loss_of_padded_sequences_is_that_of_each_alone(
    model: SequenceModel, batch: SequenceBatch, longer: Callable[..., SequenceBatch]
) -> None:
    noise = torch.randn(len(batch), *model.event_shape)
    exact = loss_of(model, batch, noise)
    torch.testing.assert_close(loss_of(model, longer(batch, 6), noise), exact, rtol=0, atol=1e-10)
    for row, length in enumerate(batch.lengths.tolist()):
        alone = SequenceBatch(batch.inputs[row : row + 1, :length], batch.lengths[row : row + 1])
        torch.testing.assert_close(loss_of(model, alone, noise[row : row + 1])[0], exact[row], rtol=0, atol=1e-10)


def test_padding_changes_neither_loss_nor_gradients_in_float32(
    model: SequenceModel, batch: SequenceBatch, longer: Callable[..., SequenceBatch]
) -> None:
    model.float()
    found = []
    for view in (batch, longer(batch, 6)):
        torch.manual_seed(3)
        loss = Elbo()(model, view, 0).per_sequence
        gradients = torch.autograd.grad(loss.mean(), list(model.parameters()))
        found.append((loss, *gradients))
    for short, padded in zip(*found, strict=True):
        torch.testing.assert_close(padded, short, rtol=1e-6, atol=1e-6)


def test_float32_agrees_with_float64(model: SequenceModel, batch: SequenceBatch) -> None:
    noise = torch.randn(len(batch), *model.event_shape)
    exact = loss_of(model, batch, noise)
    torch.testing.assert_close(loss_of(model.float(), batch, noise).double(), exact, rtol=1e-5, atol=0)


def test_bf16_autocast_is_near_float32(model: SequenceModel, batch: SequenceBatch) -> None:
    """About 3 nats a step out of logits that bf16 rounds at the eighth bit: errors of 2^-8 a step that partly cancel."""
    noise = torch.randn(len(batch), *model.event_shape)
    exact = loss_of(model.float(), batch, noise)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = loss_of(model, batch, noise)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.01, atol=0)


def test_a_pass_gives_what_it_says(model: SequenceModel, batch: SequenceBatch) -> None:
    output = model(batch, 5)
    size = len(batch)
    assert output.z.shape == (5, size, *model.event_shape)
    assert output.log_px.shape == (5, size)
    assert output.features.shape == (size, model.encoder.width)
    assert output.posterior.batch_shape == (size,)
    assert output.rate.total.shape == (size,)
    torch.testing.assert_close(output.distortion, -output.log_px.mean(0))
    torch.testing.assert_close(output.log_px, model.log_likelihood(output.z, batch))
    assert (output.log_px < 0).all()


def test_probabilities_of_all_short_sequences_sum_to_one(make_model: MakeModel) -> None:
    """Over three words (EOS among them), everything up to two words plus what goes on: the model is a distribution."""
    steps = StepSpec(size=3, pad=0, bos=1, eos=2)
    model = make_model(steps)
    z = torch.randn(1, 1, *model.event_shape, dtype=torch.float64)

    def probability(*words: int) -> float:
        batch = SequenceBatch(torch.tensor([words]), torch.tensor([len(words)]))
        return math.exp(model.log_likelihood(z, batch).item())

    ended = probability(2) + probability(0, 2) + probability(1, 2)
    going_on = sum(probability(a, b) for a in (0, 1) for b in (0, 1))
    assert ended + going_on == pytest.approx(1, rel=1e-12)


def test_importance_weights_are_log_joint_minus_log_posterior() -> None:
    """p(z) = N(0,1), p(x|z) = N(x; z, 1), x = 1.5: with the true posterior every weight is p(x)."""
    x, one = 1.5, torch.ones(1, 1, dtype=torch.float64)
    prior = Independent(Normal(0 * one[0], one[0]), 1)
    exact = Independent(Normal(0.75 * one, 0.5**0.5 * one), 1)
    z = exact.sample(torch.Size([6]))
    log_px = Normal(z[..., 0], 1).log_prob(torch.tensor(x, dtype=torch.float64))
    output = VaeOutput(exact, prior, z, log_px, Rate({"z": one}), one, z)
    torch.testing.assert_close(output.log_weights, torch.full((6, 1), -1.8280121234846454, dtype=torch.float64))
    other = VaeOutput(Independent(Normal(0.5 * one, one), 1), prior, z, log_px, Rate({"z": one}), one, z)
    numbers = z[:, 0, 0].numpy()
    expected = stats.norm.logpdf(x, numbers, 1) + stats.norm.logpdf(numbers) - stats.norm.logpdf(numbers, 0.5, 1)
    torch.testing.assert_close(other.log_weights[:, 0], torch.from_numpy(expected))


def test_the_average_weight_is_the_probability_of_the_sentence(
    make_model: MakeModel, tokens: StepSpec, make_batch: MakeBatch
) -> None:
    """Importance sampling against quadrature over a one-dimensional latent."""
    model, batch = make_model(posterior={"latent": 1}), make_batch(tokens, [4])
    nodes, weights = special.roots_hermitenorm(60)
    z = torch.from_numpy(nodes).view(-1, 1, 1)
    with torch.no_grad():
        log_px = model.log_likelihood(z, batch)[:, 0]
        exact = torch.logsumexp(log_px + torch.from_numpy(weights / math.sqrt(2 * math.pi)).log(), 0)
        log_weights = model(batch, 4000).log_weights[:, 0]
    ratio = torch.exp(log_weights - exact)
    assert abs(ratio.mean().item() - 1) < 5 * ratio.std().item() / math.sqrt(len(ratio))


def test_the_same_seed_builds_the_same_model(make_model: MakeModel) -> None:
    one, two = make_model().state_dict(), make_model().state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_model_of_vectors_lacks_only_its_likelihood(make_batch: MakeBatch) -> None:
    """Encoder, posterior and decoder take strokes as they take tokens."""
    strokes = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))
    batch = make_batch(strokes)
    encoder = registry.build("encoder", {"kind": "rnn", "hidden": 8}, strokes)
    posterior = registry.build("posterior", {"kind": "diagonal", "latent": 4}, encoder.width)
    decoder = registry.build("decoder", {"kind": "rnn", "hidden": 8}, strokes, posterior.event_shape)
    z = posterior(encoder(batch)).rsample(torch.Size([2]))
    assert decoder(z, batch).shape == (2, len(batch), batch.inputs.shape[1], 8)


def test_parts_on_different_supports_are_refused(make_model: MakeModel) -> None:
    with pytest.raises(ConfigError, match=r"posterior=von_mises_fisher lives on the unit sphere.*among: uniform_sphere, vamp"):
        make_model(posterior={"kind": "von_mises_fisher"})
    with pytest.raises(ConfigError, match=r"posterior=diagonal lives on the real numbers, model\.prior=uniform_sphere on the unit"):
        make_model(prior={"kind": "uniform_sphere"})


@pytest.mark.parametrize("prior", ["mixture", "vamp"])
def test_a_posterior_that_names_its_priors_is_refused_another(make_model: MakeModel, prior: str) -> None:
    """A learnt prior that comes to meet the delta posterior takes its committed rate away."""
    with pytest.raises(ConfigError, match=rf"model\.prior={prior} is none of them; choose model\.prior among: standard_normal"):
        make_model(posterior={"kind": "delta"}, prior={"kind": prior})
    make_model(posterior={"kind": "delta"})
