from __future__ import annotations

import csv
import gzip
import os
from itertools import count
from pathlib import Path

import pytest

from seqvae.data.shipped import shipped
from seqvae.errors import ConfigError, DataError
from seqvae.modalities.grammar.grammar import Grammar, Production

NESTED = 'start: "(" start ")" | "a" | "b" start start'


def shipped_grammar(name: str) -> Grammar:
    return Grammar((shipped("tokenizers") / f"{name}.lark").read_text("utf-8"), name)


@pytest.fixture(scope="module")
def smiles() -> Grammar:
    return shipped_grammar("smiles")


@pytest.fixture(scope="module")
def expression() -> Grammar:
    return shipped_grammar("expression")


def named(grammar: Grammar, derivation: list[int]) -> list[str]:
    """Productions with their terminals spelt."""
    shown = []
    for number in derivation:
        production = grammar.productions[number]
        shown.append(f"{production.left}: {' '.join(grammar.spelling.get(s, s) for s in production.right)}".strip())
    return shown


def test_a_leftmost_derivation_by_hand(smiles: Grammar) -> None:
    assert named(smiles, smiles.derive("C(=O)[O-]")) == [
        "start: atom tail",
        "atom: C",
        "tail: ( branch ) tail",
        "branch: bond atom tail",
        "bond: =",
        "atom: O",
        "tail:",
        "tail: atom tail",
        "atom: [ body ]",
        "body: element charge",
        "element: O",
        "charge: -",
        "tail:",
    ]


def test_a_left_recursive_grammar(expression: Grammar) -> None:
    assert named(expression, expression.derive("x + sin( 1 )")) == [
        "start: start  +  term",
        "start: term",
        "term: x",
        "term: sin(  start  )",
        "start: term",
        "term: 1",
    ]


@pytest.mark.parametrize(
    "text", ["C", "c1ccc2[nH]ccc2c1", "C[C@@H](N)C(=O)[O-]", "F/C=C\\F", "[13C][2H]", "C%10CC%10", "ClBr", "[Se]=[Sn]", "C" * 1000]
)
def test_molecules_come_back(smiles: Grammar, text: str) -> None:
    assert smiles.spell(smiles.derive(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not derive '': it ends too early"),
        ("C(", "it ends too early"),
        ("CC)C", r"'\)C' at character 3"),
        ("[Xx]", r"'Xx\]' at character 2"),
        ("C C", "' C' at character 2"),
        ("CC.C", r"'.C' at character 3"),
    ],
)
def test_what_it_does_not_derive_is_named(smiles: Grammar, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        smiles.derive(text)


def test_the_shortest_derivations_by_brute_force() -> None:
    grammar = Grammar('start: pair | start "+" pair\npair: "(" start ")" | item item item\nitem: "a" | pair', "g")

    def fewest(symbols: tuple[str, ...]) -> int:
        """Breadth first over leftmost sentential forms."""
        forms = {symbols}
        for steps in count():
            if any(not form for form in forms):
                return steps
            forms = {
                tuple(s for s in p.right if s in grammar.nonterminals) + form[1:]
                for form in forms
                for p in grammar.productions
                if p.left == form[0] and len(form) + len(p.right) < 8
            }
        raise AssertionError

    assert grammar.shortest == {symbol: fewest((symbol,)) for symbol in grammar.nonterminals} == {"start": 5, "pair": 4, "item": 1}


def test_an_unfinished_derivation_spells_what_it_has() -> None:
    grammar = Grammar(NESTED, "nested")
    derivation = grammar.derive("b(a)a")
    assert [grammar.spell(derivation[:n]) for n in range(len(derivation) + 1)] == ["", "b", "b()", "b(a)", "b(a)a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('start: "a" start*', "no plain production"),
        ('start: "a"? "b"', None),
        ('start: _x\n_x: "a"', "no plain production"),
        ('?start: "a" | start "b"', "no plain production"),
        ('start: "a" -> named', "no plain production"),
        ("start: /[a-z]+/", "is a pattern"),
        ("start: start start | ", r"no LALR\(1\) grammar"),
        ("beginning: 'a'", r"no LALR\(1\) grammar with the start symbol 'start'"),
    ],
)
def test_grammars_that_cannot_be_used(text: str, message: str | None) -> None:
    if message is None:  # an optional item is two plain productions
        assert set(Grammar(text, "g").productions) == {Production("start", ("A", "B")), Production("start", ("B",))}
        return
    with pytest.raises(ConfigError, match=message):
        Grammar(text, "g")


@pytest.mark.skipif(not os.environ.get("SEQVAE_DATA"), reason="SEQVAE_DATA is unset")
@pytest.mark.parametrize(
    ("name", "file", "every", "longest"),
    [
        ("smiles", "zinc250k.csv.gz", 250, 140),
        ("smiles", "qm9_smiles.csv.gz", 150, 80),
        ("expression", "expressions.txt.gz", 50, 20),
    ],
)
def test_real_records_come_back(name: str, file: str, every: int, longest: int) -> None:
    grammar = shipped_grammar(name)
    with gzip.open(Path(os.environ["SEQVAE_DATA"]) / "molecules" / file, "rt") as stream:
        lines = [row["smiles"] for row in csv.DictReader(stream)] if name == "smiles" else stream.read().splitlines()
    for line in lines[::every]:
        derivation = grammar.derive(line)
        assert grammar.spell(derivation) == line
        assert len(derivation) <= longest
