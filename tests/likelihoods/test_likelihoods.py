"""What every likelihood must do. A new likelihood is one line in `CASES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.steps import StepEmbedding, StepSpec

TOKENS = StepSpec(size=23)
GROUPED = StepSpec(size=23, groups=(0, 0, 1, 0, *(1 + token % 4 for token in range(4, 23))))
STROKES = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))
WIDTH, SAMPLES = 8, 3


@dataclass(frozen=True)
class Case:
    """A configuration, and the steps it is for."""

    config: dict[str, Any]
    steps: StepSpec

    def __str__(self) -> str:
        return str(self.config)


CASES = [
    Case({"kind": "categorical"}, TOKENS),
    Case({"kind": "categorical", "tied": True}, TOKENS),
    Case({"kind": "categorical"}, GROUPED),
    Case({"kind": "stroke_mixture", "components": 4}, STROKES),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def likelihood(case: Case) -> nn.Module:
    return registry.build("likelihood", case.config, case.steps, WIDTH, StepEmbedding(case.steps, 6)).double()


@pytest.fixture
def batch(case: Case, make_batch: Callable[..., SequenceBatch]) -> SequenceBatch:
    return make_batch(case.steps, dtype=torch.float64)


@pytest.fixture
def features(batch: SequenceBatch) -> Tensor:
    return torch.randn(SAMPLES, *batch.inputs.shape[:2], WIDTH, dtype=torch.float64)


def test_every_registered_likelihood_is_tested() -> None:
    assert {case.config["kind"] for case in CASES} == set(registry.names("likelihood"))


def test_log_prob_is_one_number_a_sample_and_sequence(likelihood: nn.Module, features: Tensor, batch: SequenceBatch) -> None:
    assert likelihood.log_prob(features, batch).shape == (SAMPLES, len(batch))
    assert likelihood.log_prob(features, batch).dtype == torch.float64


def test_log_prob_is_the_sum_over_real_steps(likelihood: nn.Module, features: Tensor, batch: SequenceBatch) -> None:
    steps = likelihood.step_log_prob(features, batch)
    assert steps.shape == (SAMPLES, *batch.inputs.shape[:2])
    assert (steps[:, ~batch.mask] == 0).all()
    assert (steps[:, batch.mask] != 0).all(), "a real step, EOS among them, is not counted"
    sums = torch.stack([steps[:, i, :length].sum(-1) for i, length in enumerate(batch.lengths.tolist())], dim=1)
    torch.testing.assert_close(likelihood.log_prob(features, batch), sums)


def test_padding_contributes_nothing_and_gets_no_gradient(
    likelihood: nn.Module, features: Tensor, batch: SequenceBatch, longer: Callable[..., SequenceBatch]
) -> None:
    exact = likelihood.log_prob(features, batch)
    stretched = longer(batch, 4)
    wide = torch.full((SAMPLES, len(batch), stretched.inputs.shape[1], WIDTH), 50.0, dtype=torch.float64)
    wide[:, :, : batch.inputs.shape[1]][:, batch.mask] = features[:, batch.mask]
    wide.requires_grad_()
    padded = likelihood.log_prob(wide, stretched)
    torch.testing.assert_close(padded, exact, rtol=0, atol=1e-12)
    padded.sum().backward()
    assert wide.grad[:, ~stretched.mask].abs().max() == 0
    assert (wide.grad[:, stretched.mask].abs().amax(-1) > 0).all()


def test_samples_and_rows_do_not_meet(likelihood: nn.Module, features: Tensor, batch: SequenceBatch) -> None:
    together = likelihood.log_prob(features, batch)
    for sample in range(SAMPLES):
        for row in range(len(batch)):
            alone = SequenceBatch(batch.inputs[row : row + 1], batch.lengths[row : row + 1])
            one = likelihood.log_prob(features[sample : sample + 1, row : row + 1], alone)
            torch.testing.assert_close(one[0, 0], together[sample, row], rtol=1e-12, atol=1e-12)


def test_gradients_are_finite_differences(likelihood: nn.Module, features: Tensor, batch: SequenceBatch) -> None:
    few = SequenceBatch(batch.inputs[:2, :3], batch.lengths[:2].clamp(max=3))
    parameters = tuple(likelihood.parameters())

    def scores(x: Tensor, *_: Tensor) -> Tensor:
        return likelihood.log_prob(x, few)

    assert torch.autograd.gradcheck(scores, (features[:2, :2, :3].clone().requires_grad_(), *parameters))


def test_float32_agrees_with_float64(likelihood: nn.Module, features: Tensor, batch: SequenceBatch) -> None:
    exact = likelihood.log_prob(features, batch)
    inputs = batch.inputs.float() if batch.inputs.is_floating_point() else batch.inputs
    rough = likelihood.float().log_prob(features.float(), SequenceBatch(inputs, batch.lengths))
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.double(), exact, rtol=1e-5, atol=1e-5)


def test_scores_under_autocast_are_float32_sums(likelihood: nn.Module, features: Tensor, batch: SequenceBatch) -> None:
    """Logits of unit size are off by 2^-8 in bf16, at most seven steps add up; a sum in bf16 would be off by 2^-3 and more."""
    exact = likelihood.log_prob(features, batch)
    inputs = batch.inputs.float() if batch.inputs.is_floating_point() else batch.inputs
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = likelihood.float().log_prob(features.float(), SequenceBatch(inputs, batch.lengths))
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.double(), exact, rtol=0, atol=0.05)
