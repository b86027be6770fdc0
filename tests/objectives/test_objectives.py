"""What every objective must do, in training and through a run's life. A new objective is one line in `CASES`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqvae import registry, schema
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel
from seqvae.steps import StepSpec

CASES: list[dict[str, Any]] = [
    {"preset": "elbo"},
    {"preset": "elbo", "beta": {"kind": "linear", "steps": 10}, "rate": {"kind": "free_bits"}, "samples": 3},
    {"preset": "elbo", "rate": {"kind": "minimum_rate", "nats": 3.0}},
    {"preset": "elbo", "rate": {"kind": "geco", "distortion": 9.0}},
    {"preset": "elbo", "rate": {"kind": "capacity", "nats": 2.0}},
    {"preset": "elbo", "noise": {"kind": "shuffle"}},
    {"preset": "beta"},
    {"preset": "info"},
    {"preset": "mmd", "divergence": {"kind": "mmd", "kernel": "rbf", "estimate": "biased"}},
    {"preset": "aae"},
    {"preset": "daae", "noise": 0.5},
    {"preset": "iwae", "samples": 3},
    {"preset": "iwae", "samples": 4, "gradient": "doubly_reparameterised", "beta": 0.5},
]


def build(config: dict[str, Any], model: SequenceModel, steps: StepSpec) -> Any:
    """The objective as a run builds it: configuration checked and completed, then wired."""
    problems: list[str] = []
    checked = schema.check_part("objective", config, "objective", problems)
    assert not problems
    return registry.build("objective", checked, steps=steps, event_shape=model.event_shape)


@pytest.fixture
def model(make_model: Callable[..., SequenceModel]) -> SequenceModel:
    return make_model()


@pytest.fixture
def batch(tokens: StepSpec, make_batch: Callable[..., SequenceBatch]) -> SequenceBatch:
    return make_batch(tokens)


@pytest.fixture(params=CASES, ids=str)
def objective(request: pytest.FixtureRequest, model: SequenceModel, tokens: StepSpec) -> Any:
    return build(dict(request.param), model, tokens).double()


def test_every_registered_objective_is_tested() -> None:
    assert {case["preset"] for case in CASES} == set(registry.names("objective"))


def test_one_loss_a_sequence_and_true_terms(objective: Any, model: SequenceModel, batch: SequenceBatch) -> None:
    loss = objective(model, batch, 3)
    assert loss.per_sequence.shape == (len(batch),)
    assert loss.total == loss.per_sequence.mean()
    assert {"distortion", "rate"} <= set(loss.terms)
    assert all(term.shape == (len(batch),) and not term.requires_grad for term in loss.terms.values())
    assert all(isinstance(value, float) for value in loss.scalars.values())
    assert objective.settled(10**6)


def test_every_weight_of_model_and_objective_has_a_finite_gradient(
    objective: Any, model: SequenceModel, batch: SequenceBatch
) -> None:
    objective(model, batch, 3).total.backward()
    for parameter in [*model.parameters(), *objective.parameters()]:
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
    assert all(torch.isfinite(buffer[~buffer.isnan()]).all() for buffer in objective.buffers())


def test_terms_are_those_of_the_model_whatever_is_charged(objective: Any, model: SequenceModel, batch: SequenceBatch) -> None:
    """The rate that is reported is KL(q || p) of what the encoder read."""
    loss = objective(model, batch, 3)
    if getattr(objective, "noise", None) is None:
        q = model.infer(batch)[1]
        kl = (q.mean**2 + q.variance - 1 - q.variance.log()).sum(-1) / 2
        torch.testing.assert_close(loss.terms["rate"], kl)
    assert (loss.terms["rate"] > 0).all()


def test_a_step_survives_the_models_evaluation_and_sampling(objective: Any, model: SequenceModel, batch: SequenceBatch) -> None:
    """Train step, evaluate, sample: nothing that an objective does stays behind in the model."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    objective(model, batch, 0).total.backward()
    model.eval()
    with torch.no_grad():
        z = model.prior().sample(torch.Size([1, len(batch)])).double()
        assert torch.isfinite(model.log_likelihood(z, batch)).all()
        assert torch.isfinite(model(batch).distortion).all()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_what_it_learns_is_in_its_state(objective: Any, model: SequenceModel, batch: SequenceBatch, tokens: StepSpec) -> None:
    """A checkpoint's round trip gives the same loss: nothing is remembered elsewhere."""
    for step in range(3):
        objective.stepped([objective(model, batch, step)], lambda mean: mean)
    torch.manual_seed(1)
    before = objective(model, batch, 3)
    case = next(case for case in CASES if build(dict(case), model, tokens).state_dict().keys() == objective.state_dict().keys())
    assert case
    state = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    for parameter in [*objective.parameters(), *objective.buffers()]:
        parameter.data.fill_(0.5)
    objective.load_state_dict(state)
    torch.manual_seed(1)
    assert torch.equal(objective(model, batch, 3).per_sequence, before.per_sequence)


def test_a_sequence_costs_the_same_beside_others_where_nothing_couples_them(
    model: SequenceModel, batch: SequenceBatch, tokens: StepSpec
) -> None:
    """The plain bounds are sums over sequences, so the order of a batch cannot matter."""
    for preset in ("elbo", "beta", "iwae"):
        objective = build({"preset": preset, "samples": 1}, model, tokens)
        turned = SequenceBatch(batch.inputs.flip(0), batch.lengths.flip(0))
        noise = torch.randn(1, len(batch), 4, dtype=torch.float64)
        losses = []
        for view, eps in ((batch, noise), (turned, noise.flip(1))):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("torch.distributions.normal._standard_normal", lambda *a, eps=eps, **k: eps)
                losses.append(objective(model, view, 0).per_sequence)
        torch.testing.assert_close(losses[0], losses[1].flip(0))


@pytest.mark.parametrize(
    ("config", "fragment"),
    [
        ({"preset": "elbo", "scaling": 0.5}, "a negative weight"),
        ({"preset": "elbo", "scaling": 2.0}, "objective.divergence: missing, and its weight is 1"),
        ({"preset": "mmd", "divergence": None}, "objective.divergence: missing"),
    ],
)
def test_weights_that_make_no_sense(config: dict[str, Any], fragment: str, model: SequenceModel, tokens: StepSpec) -> None:
    from seqvae.errors import ConfigError

    with pytest.raises(ConfigError, match=fragment):
        build(config, model, tokens)


def test_noise_is_for_tokens(model: SequenceModel) -> None:
    from seqvae.errors import ConfigError

    strokes = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match="made of real vectors"):
        build({"preset": "daae"}, model, strokes)
