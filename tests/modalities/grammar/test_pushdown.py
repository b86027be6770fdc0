from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqvae.errors import ConfigError
from seqvae.generation.beam import beam_search
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy, SamplingRule
from seqvae.modalities.grammar.codec import FIRST, GrammarCodec
from seqvae.model import SequenceModel


@pytest.fixture(scope="module", params=["smiles", "expression"])
def codec(request: pytest.FixtureRequest) -> GrammarCodec:
    return GrammarCodec(grammar=request.param)


class Stack:
    """The textbook's pushdown automaton, one row, a Python list."""

    def __init__(self, codec: GrammarCodec, max_length: int) -> None:
        self.grammar, self.open, self.left = codec.grammar, ["start"], max_length

    def allowed(self) -> set[int]:
        if not self.open:
            return {2}
        found = set()
        for number, production in enumerate(self.grammar.productions):
            rest = self.open[:-1] + [s for s in production.right if s in self.grammar.nonterminals]
            if production.left == self.open[-1] and 1 + sum(self.grammar.shortest[s] for s in rest) + 1 <= self.left:
                found.add(FIRST + number)
        return found

    def advance(self, token: int) -> None:
        self.left -= 1
        if token >= FIRST:
            self.open.pop()
            right = self.grammar.productions[token - FIRST].right
            self.open += [s for s in reversed(right) if s in self.grammar.nonterminals]


@pytest.mark.parametrize("max_length", [8, 25, 60])
def test_it_allows_what_the_textbooks_automaton_allows(codec: GrammarCodec, max_length: int) -> None:
    rows, chance = 12, np.random.default_rng(max_length)
    constraint = codec.constraint(max_length, "cpu")
    state, stacks = constraint.start(rows), [Stack(codec, max_length) for _ in range(rows)]
    for _ in range(max_length):
        allowed = constraint.allowed(state)
        steps = []
        for row, stack in zip(allowed, stacks, strict=True):
            expected = stack.allowed()
            assert set(row.nonzero().squeeze(1).tolist()) == expected
            assert expected, "a row that nothing may follow"
            steps.append(int(chance.choice(sorted(expected))))
            stack.advance(steps[-1])
        before = [part.clone() for part in (state.symbols, state.depth, state.need, state.left)]
        after = constraint.advance(state, torch.tensor(steps))
        assert all(torch.equal(a, b) for a, b in zip(before, (state.symbols, state.depth, state.need, state.left), strict=True))
        order = torch.tensor(chance.permutation(rows))
        state, stacks = constraint.select(after, order), [stacks[i] for i in order]
        if all(stack.left == 0 or not stack.open for stack in stacks):
            break
    assert all(not stack.open for stack in stacks)


def test_ended_rows_may_get_any_step(codec: GrammarCodec) -> None:
    constraint = codec.constraint(20, "cpu")
    state = constraint.start(4)
    for step in [*torch.randint(0, codec.spec.size, (60, 4))]:
        state = constraint.advance(state, step)
        assert constraint.allowed(state).shape == (4, codec.spec.size)


def test_the_shortest_derivation_fits_and_nothing_shorter(codec: GrammarCodec) -> None:
    shortest = codec.grammar.shortest["start"] + 1
    assert codec.constraint(shortest, "cpu").allowed(codec.constraint(shortest, "cpu").start(1)).any()
    with pytest.raises(ConfigError, match=f"max_length={shortest - 1}: the grammar {codec.grammar.name} needs {shortest} steps"):
        codec.constraint(shortest - 1, "cpu")


@pytest.mark.parametrize("rule", [Greedy(), SamplingRule(1.0), SamplingRule(5.0, top_k=3)], ids=str)
def test_whatever_the_model_wants_every_decode_parses(
    codec: GrammarCodec, rule: Greedy | SamplingRule, make_model: Callable[..., SequenceModel]
) -> None:
    """Random weights, far-out latents, and room for short sequences only: the end must be reached under pressure."""
    model = make_model(codec.spec, dtype=torch.float32)
    with torch.no_grad():
        model.likelihood.bias += torch.randn(codec.spec.size) * 3
    z = 3 * torch.randn(200, 4)
    written = generate(model, z, rule, 30, constraint=codec.constraint(30, "cpu"))
    records = codec.decode(written)
    for record, sequence in zip(records, codec.encode(records), strict=True):  # raises for what does not parse
        assert record
        assert len(sequence) <= 30
    assert [sequence.tolist() for sequence in codec.encode(records)] == [sequence.tolist() for sequence in written]
    assert len(set(records)) > 1


def test_beams_parse_too(codec: GrammarCodec, make_model: Callable[..., SequenceModel]) -> None:
    model = make_model(codec.spec, dtype=torch.float32)
    found = beam_search(model, torch.randn(5, 4), 3, 25, constraint=codec.constraint(25, "cpu"))
    assert [s.tolist() for s in codec.encode(codec.decode(found))] == [s.tolist() for s in found]


@pytest.mark.slow
def test_ten_thousand_latents_all_parse(codec: GrammarCodec, make_model: Callable[..., SequenceModel]) -> None:
    model = make_model(codec.spec, dtype=torch.float32)
    written = generate(model, 2 * torch.randn(10_000, 4), SamplingRule(), 40, constraint=codec.constraint(40, "cpu"))
    assert len(codec.encode(codec.decode(written))) == 10_000  # encoding parses, and raises for what does not
