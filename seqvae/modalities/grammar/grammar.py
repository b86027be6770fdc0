"""A context-free grammar as a list of productions: strings to leftmost derivations and back.

The grammar is a Lark file of plain productions (no repetition, no inlined rule, every terminal a string), parsed by LALR(1). A
derivation is the list of its productions in leftmost order, which is the preorder of the parse tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seqvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from lark import Lark, Tree
    from lark.grammar import Rule

START, END = "start", "$END"  # Lark's names
SHOWN = 60


@dataclass(frozen=True)
class Production:
    """`left -> right`; a symbol of the right side is a nonterminal where the grammar has productions for it."""

    left: str
    right: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.left} -> {' '.join(self.right)}".strip()


class Grammar:
    """Productions, numbered in the order of their left sides and then of their right sides, `start` first.

    Args:
        text: a Lark grammar whose start symbol is `start`.
        name: to name it in messages.

    Raises:
        ConfigError: it is no grammar, is not LALR(1), or has a rule that is no plain production.
    """

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        lark = self._lark = _compile(text, name)
        self.spelling = {terminal.name: _string(terminal.pattern, name) for terminal in lark.terminals}
        self.productions = sorted((_plain(rule, name) for rule in lark.rules), key=lambda p: (p.left != START, p.left, p.right))
        self.nonterminals = list(dict.fromkeys(production.left for production in self.productions))
        self._number = {production: number for number, production in enumerate(self.productions)}

    @cached_property
    def shortest(self) -> dict[str, int]:
        """For each nonterminal, the fewest productions that leave none of it."""
        infinite = len(self.productions) ** 2 + 1
        shortest = dict.fromkeys(self.nonterminals, infinite)
        for _ in self.nonterminals:  # a shortest derivation never nests a nonterminal in itself, so each round settles one more
            for production in self.productions:
                shortest[production.left] = min(shortest[production.left], 1 + self.remaining(production, shortest))
        return shortest

    def remaining(self, production: Production, shortest: dict[str, int] | None = None) -> int:
        """The fewest productions that finish what a production leaves open."""
        fewest = self.shortest if shortest is None else shortest
        return sum(fewest.get(symbol, 0) for symbol in production.right)

    def derive(self, text: str) -> list[int]:
        """The numbers of the productions of `text`'s leftmost derivation.

        Raises:
            DataError: the grammar does not derive it.
        """
        from lark.exceptions import UnexpectedInput

        try:
            tree = self._lark.parse(text)
        except UnexpectedInput as error:
            raise DataError(f"the grammar {self.name} does not derive {text!r:.{SHOWN}}: {_where(text, error)}") from None
        return [self._number[Production(str(node.data), tuple(map(_symbol, node.children)))] for node in _preorder(tree)]

    def spell(self, derivation: list[int]) -> str:
        """The string that a leftmost derivation spells; what an unfinished one leaves open spells nothing."""
        spelt: list[str] = []
        steps = iter(derivation)
        pending = [START]
        while pending:
            symbol = pending.pop()
            if symbol in self.spelling:
                spelt.append(self.spelling[symbol])
            elif (number := next(steps, None)) is not None:
                pending += reversed(self.productions[number].right)
        return "".join(spelt)


def _compile(text: str, name: str) -> Lark:
    from lark import Lark
    from lark.exceptions import LarkError

    try:
        return Lark(text, start=START, parser="lalr", keep_all_tokens=True, maybe_placeholders=False)
    except LarkError as error:
        raise ConfigError(f"{name} is no LALR(1) grammar with the start symbol {START!r}: {str(error).splitlines()[0]}") from error


def _plain(rule: Rule, name: str) -> Production:
    left = str(rule.origin.name)
    if left.startswith("_") or rule.alias or rule.options.expand1:
        raise ConfigError(
            f"{name}: the rule {left!r} is no plain production; write it without *, +, ?, [], aliases and a leading _ or ?"
        )
    return Production(left, tuple(symbol.name for symbol in rule.expansion))


def _string(pattern: Any, name: str) -> str:
    if pattern.type != "str":
        raise ConfigError(f"{name}: the terminal /{pattern.value}/ is a pattern, which nobody could spell; list its strings")
    return str(pattern.value)


def _symbol(child: Any) -> str:
    """The name of a node's child: a nonterminal's of a tree, a terminal's of a token."""
    return str(child.data) if hasattr(child, "data") else str(child.type)


def _preorder(tree: Tree[Any]) -> list[Tree[Any]]:
    """Nodes, each before its children and these from the left; a long chain is a deep tree, so nothing here recurses."""
    found, pending = [], [tree]
    while pending:
        node = pending.pop()
        found.append(node)
        pending += [child for child in reversed(node.children) if hasattr(child, "data")]
    return found


def _where(text: str, error: Any) -> str:
    position = error.pos_in_stream
    if position is None or getattr(getattr(error, "token", None), "type", "") == END:
        return "it ends too early"
    return f"{text[position : position + 8]!r} at character {position + 1}"
