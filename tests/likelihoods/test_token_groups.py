from __future__ import annotations

import math

import pytest
import torch

from seqvae.batch import SequenceBatch
from seqvae.likelihoods.categorical import CategoricalLikelihood
from seqvae.likelihoods.token_groups import grouped_log_prob, grouped_log_softmax
from seqvae.steps import StepEmbedding, StepSpec

GROUPS = torch.tensor([0, 1, 0, 2, 2, 2, 1])


def by_hand(logits: list[float], target: int) -> float:
    rivals = [value for value, group in zip(logits, GROUPS.tolist(), strict=True) if group == GROUPS[target]]
    return logits[target] - math.log(sum(math.exp(value) for value in rivals))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1.0, 30.0, 3000.0])
def test_both_forms_against_a_sum_over_the_group(dtype: torch.dtype, scale: float) -> None:
    logits = scale * torch.randn(5, 7, dtype=dtype)
    tolerance = 1e-4 if dtype is torch.float32 else 1e-9
    everything = grouped_log_softmax(logits, GROUPS)
    for target in range(7):
        one = grouped_log_prob(logits, GROUPS, torch.full((5,), target))
        torch.testing.assert_close(one, everything[:, target], rtol=1e-5, atol=tolerance)
        if scale == 1:
            wanted = torch.tensor([by_hand(row, target) for row in logits.tolist()], dtype=dtype)
            torch.testing.assert_close(one, wanted, rtol=1e-5, atol=tolerance)
    sums = torch.zeros(5, 3, dtype=dtype).scatter_add(1, GROUPS.expand(5, 7), everything.exp())
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_a_group_far_below_another_keeps_its_own_probabilities() -> None:
    logits = torch.tensor([[1e4, -1e4, 1e4 - 1, 0.0, 1.0, 2.0, -1e4 + 1]])
    found = grouped_log_softmax(logits, GROUPS)
    assert torch.isfinite(found).all()
    assert found[0, 1].item() == pytest.approx(-math.log(1 + math.e), rel=1e-3)


def test_other_groups_get_no_gradient() -> None:
    logits = torch.randn(1, 7, requires_grad=True)
    grouped_log_prob(logits, GROUPS, torch.tensor([3])).sum().backward()
    assert (logits.grad[0, GROUPS != 2] == 0).all()
    assert (logits.grad[0, GROUPS == 2] != 0).all()


def test_a_likelihood_of_grouped_steps_scores_within_groups() -> None:
    spec = StepSpec(size=7, groups=(0, 0, 1, 0, 2, 2, 3))
    likelihood = CategoricalLikelihood(spec, 5, StepEmbedding(spec, 4)).double()
    features = torch.randn(1, 1, 3, 5, dtype=torch.float64)
    batch = SequenceBatch(torch.tensor([[4, 6, 2]]), torch.tensor([3]))
    logits = likelihood.logits(features)[0, 0]
    first = logits[0, 4] - torch.logsumexp(logits[0, 4:6], 0)  # 6 and the end are alone in their groups
    torch.testing.assert_close(likelihood.log_prob(features, batch)[0, 0], first)
    torch.testing.assert_close(likelihood.log_softmax(logits)[0, 4], first)
    assert "groups" not in likelihood.state_dict()
