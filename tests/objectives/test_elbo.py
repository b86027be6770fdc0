"""The ELBO objective: its parts, its weights, and its gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.distributions import Independent, Normal
from torch.nn import functional

from seqvae import registry, schema
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel
from seqvae.objectives.divergences import prior_samples
from seqvae.objectives.elbo import Elbo
from seqvae.objectives.mmd import Mmd
from seqvae.objectives.rate_policies import FreeBits, RatePolicy
from seqvae.objectives.schedules import Linear
from seqvae.steps import StepSpec

MakeModel, MakeBatch = Callable[..., SequenceModel], Callable[..., SequenceBatch]


@pytest.fixture
def model(make_model: MakeModel) -> SequenceModel:
    return make_model()


@pytest.fixture
def batch(tokens: StepSpec, make_batch: MakeBatch) -> SequenceBatch:
    return make_batch(tokens)


def cross_entropy(model: SequenceModel, batch: SequenceBatch, seed: int) -> torch.Tensor:
    """-log p(x|z) of each sequence at the latent that the seed draws, by torch's own loss."""
    torch.manual_seed(seed)
    z = model.infer(batch)[1].rsample(torch.Size([1]))
    logits = model.likelihood.logits(model.decoder(z, batch))[0]
    targets = batch.inputs.masked_fill(~batch.mask, -100)
    return functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").sum(-1)


def test_with_beta_zero_it_is_cross_entropy(model: SequenceModel, batch: SequenceBatch) -> None:
    torch.manual_seed(5)
    loss = Elbo(beta=lambda step: 0.0)(model, batch, 0)
    torch.testing.assert_close(loss.per_sequence, cross_entropy(model, batch, seed=5), rtol=0, atol=1e-10)


def test_with_beta_one_it_is_minus_the_elbo(model: SequenceModel, batch: SequenceBatch) -> None:
    torch.manual_seed(5)
    loss = Elbo()(model, batch, 0)
    q = model.infer(batch)[1]
    kl = (q.mean**2 + q.variance - 1 - q.variance.log()).sum(-1) / 2
    torch.testing.assert_close(loss.per_sequence, cross_entropy(model, batch, seed=5) + kl, rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.terms["rate"], kl)
    assert loss.scalars == {"beta": 1.0}


def test_terms_are_unweighted_and_unshaped(model: SequenceModel, batch: SequenceBatch) -> None:
    torch.manual_seed(5)
    plain = Elbo()(model, batch, 0)
    torch.manual_seed(5)
    shaped = Elbo(beta=Linear(steps=10), rate=FreeBits(nats=2.0))(model, batch, 5)
    for name in ("distortion", "rate"):
        torch.testing.assert_close(shaped.terms[name], plain.terms[name])
    torch.testing.assert_close(shaped.per_sequence, plain.terms["distortion"] + 0.5 * 8.0)  # 4 dimensions at their floor of 2 nats
    assert shaped.scalars == {"beta": 0.5}


def test_many_samples_average_the_distortion(model: SequenceModel, batch: SequenceBatch) -> None:
    torch.manual_seed(5)
    many = Elbo(samples=3)(model, batch, 0)
    torch.manual_seed(5)
    z = model.infer(batch)[1].rsample(torch.Size([3]))
    each = torch.stack([model.log_likelihood(z[s : s + 1], batch)[0] for s in range(3)])
    torch.testing.assert_close(many.terms["distortion"], -each.mean(0).detach())


def test_gradients_are_finite_differences(make_model: MakeModel, tokens: StepSpec, make_batch: MakeBatch) -> None:
    model = make_model(encoder={"embedding": 2, "hidden": 2}, decoder={"embedding": 2, "hidden": 2}, posterior={"latent": 2})
    batch, objective = make_batch(tokens, [3, 2]), Elbo(rate=FreeBits(nats=0.01))
    parameters = [p for name, p in model.named_parameters() if "table" not in name and name != "likelihood.weight"]

    def total(*_: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return objective(model, batch, 0).total

    assert torch.autograd.gradcheck(total, tuple(parameters))


def test_settled_waits_for_the_schedule() -> None:
    objective = Elbo(beta=Linear(steps=10))
    assert [objective.settled(step) for step in (0, 5, 9, 10, 11)] == [False, False, False, True, True]
    assert Elbo().settled(0)


def test_a_bare_number_is_a_constant_beta() -> None:
    problems: list[str] = []
    config = schema.check_part("objective", {"preset": "elbo", "beta": 0.25}, "objective", problems)
    assert not problems
    assert registry.build("objective", config).beta(17) == 0.25


@pytest.mark.parametrize(
    ("alpha", "scaling", "rate_weight", "divergence_weight"),
    [(0.0, 1.0, 1, 0), (0.0, 10.0, 1, 9), (1.0, 10.0, 0, 10), (0.5, 2.0, 0.5, 1.5), (-1.0, 2.0, 2, 0)],
)
def test_infovaes_coefficients(
    alpha: float, scaling: float, rate_weight: float, divergence_weight: float, model: SequenceModel, batch: SequenceBatch
) -> None:
    """1 - alpha times the rate and alpha + lambda - 1 times the divergence, of the minimised loss."""
    objective = Elbo(alpha=alpha, scaling=scaling, divergence=Mmd())
    loss = objective(model, batch, 0)
    expected = loss.terms["distortion"] + rate_weight * loss.terms["rate"]
    if divergence_weight:
        expected = expected + divergence_weight * loss.terms["divergence"]
    torch.testing.assert_close(loss.per_sequence, expected, rtol=0, atol=1e-10)


def test_a_rate_that_is_not_charged_may_be_infinite(model: SequenceModel, batch: SequenceBatch) -> None:
    class Infinite(RatePolicy):
        def forward(self, *given: object) -> torch.Tensor:
            return torch.full((len(batch),), torch.inf)

    assert torch.isfinite(Elbo(alpha=1.0, divergence=Mmd(), rate=Infinite())(model, batch, 0).per_sequence).all()


def test_the_divergence_sees_every_sample_of_a_prior_that_may_depend_on_the_record() -> None:
    z = torch.zeros(3, 5, 2)
    alone = prior_samples(Independent(Normal(torch.zeros(2), torch.ones(2)), 1), z)
    each = prior_samples(Independent(Normal(torch.arange(5.0)[:, None].expand(5, 2) * 100, torch.ones(5, 2)), 1), z)
    assert alone.shape == each.shape == z.shape
    torch.testing.assert_close(each.mean((0, 2)), torch.arange(5.0) * 100, rtol=0, atol=3.0)
