"""A grammar as a constraint on generation: for many rows at once, on the device, the productions that may come next.

Each row keeps a stack of open nonterminals. The production that comes next must rewrite the one on top (Kusner et al. 2017, arXiv
1703.01925); when the stack is empty only the end may follow. And each row keeps count: a production is allowed only if what is then
open can still be finished in the steps that are left, so every row is a whole derivation, whatever the model wants.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from seqvae.errors import ConfigError
from seqvae.modalities.grammar.grammar import START, Grammar
from seqvae.steps import StepSpec


@dataclass(frozen=True)
class Stacks:
    """Where `R` rows stand.

    Shapes:
        symbols: `[R,D]` open nonterminals, the one to be rewritten next at `depth - 1`; what lies above is rubbish.
        depth: `[R]` how many are open.
        need: `[R]` the fewest productions that close them all.
        left: `[R]` steps left, the end counted.
    """

    symbols: Tensor
    depth: Tensor
    need: Tensor
    left: Tensor


class Pushdown:
    """The constraint of a grammar; see `seqvae.generation.constraints`.

    Args:
        grammar: whose productions the tokens are.
        first: the token of production 0.
        spec: the tokens.
        max_length: most steps of a row, the end counted.
        device: where the masks are wanted.

    Raises:
        ConfigError: no derivation is so short.
    """

    def __init__(self, grammar: Grammar, first: int, spec: StepSpec, max_length: int, device: torch.device | str) -> None:
        self.max_length, self.device = max_length, device
        if grammar.shortest[START] + 1 > max_length:
            raise ConfigError(
                f"max_length={max_length}: the grammar {grammar.name} needs {grammar.shortest[START] + 1} steps or more"
            )
        number = {symbol: place for place, symbol in enumerate(grammar.nonterminals)}
        self.start_symbol, self.empty = number[START], len(number)
        rights = [[number[symbol] for symbol in p.right if symbol in number] for p in grammar.productions]
        self.widest = max(map(len, rights))
        legal = torch.zeros(len(number) + 1, spec.size, dtype=torch.bool)  # [nonterminals+1,V], the last row for the empty stack
        legal[self.empty, spec.eos] = True
        pushed = torch.zeros(spec.size, self.widest, dtype=torch.int16)  # [V,W], the leftmost symbol last
        count, remaining = torch.zeros(2, spec.size, dtype=torch.int64)
        for token, (production, right) in enumerate(zip(grammar.productions, rights, strict=True), start=first):
            legal[number[production.left], token] = True
            pushed[token, : len(right)] = torch.tensor(right[::-1], dtype=torch.int16)
            count[token], remaining[token] = len(right), grammar.remaining(production)
        shortest = torch.tensor([*(grammar.shortest[symbol] for symbol in grammar.nonterminals), 0])
        self.legal, self.pushed, self.count = legal.to(device), pushed.to(device), count.to(device)
        self.remaining, self.shortest = remaining.to(device), shortest.to(device)
        self.lanes = torch.arange(self.widest, device=device)

    def start(self, rows: int) -> Stacks:
        """Every row with the start symbol alone."""
        # an open nonterminal costs a step at least, so no row that can be finished has more of them than steps
        symbols = torch.full((rows, self.max_length + self.widest), self.start_symbol, dtype=torch.int16, device=self.device)
        one = torch.ones(rows, dtype=torch.int64, device=self.device)
        return Stacks(symbols, one, one * self.shortest[self.start_symbol], one * self.max_length)

    def allowed(self, state: Stacks) -> Tensor:
        """`[R,V]` bool."""
        top = self._top(state)
        spare = (
            state.left - 2 - state.need + self.shortest[top]
        )  # [R]: what a production may leave open, this step and the end paid
        return self.legal[top] & (self.remaining <= spare.clamp(min=0)[:, None])

    def advance(self, state: Stacks, step: Tensor) -> Stacks:
        """Rewrite each row's top symbol by the productions `step [R]`."""
        top = self._top(state)
        base = (state.depth - 1).clamp(0, state.symbols.shape[1] - self.widest)
        # lanes beyond the production's own symbols write rubbish above the new top
        symbols = state.symbols.scatter(1, base[:, None] + self.lanes, self.pushed[step])
        need = state.need - self.shortest[top] + self.remaining[step]
        return Stacks(symbols, base + self.count[step], need, state.left - 1)

    def select(self, state: Stacks, index: Tensor) -> Stacks:
        """The rows `index [R']`."""
        return Stacks(*(getattr(state, part.name)[index] for part in fields(state)))

    def _top(self, state: Stacks) -> Tensor:
        """`[R]` the nonterminal to be rewritten, or the number of none."""
        top = state.symbols.gather(1, (state.depth - 1).clamp(0, state.symbols.shape[1] - 1)[:, None]).squeeze(1).long()
        return top.where(state.depth > 0, self.empty)
