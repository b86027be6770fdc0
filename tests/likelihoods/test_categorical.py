"""The categorical likelihood against a log softmax written out, and what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.likelihoods.categorical import CategoricalLikelihood
from seqvae.steps import StepEmbedding, StepSpec

WIDTH = 8
MakeBatch = Callable[..., SequenceBatch]


class First:
    """The likeliest token; remembers the logits it was shown."""

    def choose(self, logits: Tensor, generator: torch.Generator | None) -> Tensor:
        self.logits = logits
        return logits.argmax(-1)


def build(steps: StepSpec, *, tied: bool = False, embedding: int = WIDTH) -> CategoricalLikelihood:
    likelihood = CategoricalLikelihood(steps, WIDTH, StepEmbedding(steps, embedding), tied=tied).double()
    torch.nn.init.normal_(likelihood.bias)
    return likelihood


@pytest.mark.parametrize("tied", [False, True])
def test_log_prob_is_a_log_softmax_summed_by_hand(tokens: StepSpec, make_batch: MakeBatch, tied: bool) -> None:
    likelihood, batch = build(tokens, tied=tied), make_batch(tokens)
    features = torch.randn(1, len(batch), batch.inputs.shape[1], WIDTH, dtype=torch.float64)
    for row, length in enumerate(batch.lengths.tolist()):
        total = 0.0
        for t in range(length):
            logits = [
                math.fsum((features[0, row, t] * w).tolist()) + b.item()
                for w, b in zip(likelihood.weight, likelihood.bias, strict=True)
            ]
            total += logits[batch.inputs[row, t]] - math.log(math.fsum(math.exp(value) for value in logits))
        assert likelihood.log_prob(features, batch)[0, row].item() == pytest.approx(total, rel=1e-12)


def test_the_probabilities_of_a_step_sum_to_one(tokens: StepSpec) -> None:
    likelihood = build(tokens)
    features = torch.randn(1, 1, 1, WIDTH, dtype=torch.float64)
    words = [SequenceBatch(torch.tensor([[token]]), torch.tensor([1])) for token in range(tokens.size)]
    scores = [likelihood.log_prob(features, word).item() for word in words]
    assert math.fsum(map(math.exp, scores)) == pytest.approx(1, rel=1e-12)
    torch.testing.assert_close(likelihood.logits(features).log_softmax(-1).flatten(), torch.tensor(scores, dtype=torch.float64))


def test_a_tied_output_is_the_embedding_through_a_projection_where_widths_differ(tokens: StepSpec) -> None:
    same, other = StepEmbedding(tokens, WIDTH), StepEmbedding(tokens, 6)
    direct = CategoricalLikelihood(tokens, WIDTH, same, tied=True)
    assert direct.weight is same.table.weight
    assert {name for name, _ in direct.named_parameters()} == {"weight", "bias"}
    projected = CategoricalLikelihood(tokens, WIDTH, other, tied=True)
    features = torch.randn(2, WIDTH)
    expected = projected.project(features) @ other.table.weight.T + projected.bias
    torch.testing.assert_close(projected.logits(features), expected)
    untied = CategoricalLikelihood(tokens, WIDTH, same)
    assert untied.weight is not same.table.weight


def test_a_tied_weight_gathers_both_gradients(tokens: StepSpec) -> None:
    embedding = StepEmbedding(tokens, WIDTH)
    likelihood = CategoricalLikelihood(tokens, WIDTH, embedding, tied=True)
    inputs, lengths = torch.tensor([[5, 2]]), torch.tensor([2])
    features = embedding(torch.tensor([[7, 8]]))[None]
    likelihood.log_prob(features, SequenceBatch(inputs, lengths)).sum().backward()
    as_output = embedding.table.weight.grad.clone()
    embedding.table.weight.grad = None
    likelihood.log_prob(features.detach(), SequenceBatch(inputs, lengths)).sum().backward()
    read = (as_output - embedding.table.weight.grad).abs().amax(-1).nonzero().flatten()
    assert read.tolist() == [7, 8]


def test_drawing_never_gives_padding_or_a_second_start(tokens: StepSpec) -> None:
    likelihood, rule = build(tokens), First()
    likelihood.bias.data[[tokens.pad, tokens.bos]] = 100.0
    features = torch.randn(4, WIDTH, dtype=torch.float64)
    step, ended = likelihood.draw(features, rule)
    assert not set(step.tolist()) & {tokens.pad, tokens.bos}
    assert torch.equal(ended, step == tokens.eos)
    assert rule.logits[:, [tokens.pad, tokens.bos]].isneginf().all()
    assert torch.isfinite(rule.logits[:, 2:]).all()


def test_drawing_obeys_a_constraint_and_says_when_a_row_ends(tokens: StepSpec) -> None:
    likelihood = build(tokens)
    features = torch.randn(3, WIDTH, dtype=torch.float64)
    allowed = torch.zeros(3, tokens.size, dtype=torch.bool)
    allowed[0, tokens.eos] = allowed[1, 9] = allowed[2, 11] = True
    step, ended = likelihood.draw(features, First(), None, allowed)
    assert step.tolist() == [tokens.eos, 9, 11]
    assert ended.tolist() == [True, False, False]


def test_logits_are_float32_under_autocast(tokens: StepSpec) -> None:
    likelihood = build(tokens).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert likelihood.logits(torch.randn(2, WIDTH)).dtype == torch.float32
