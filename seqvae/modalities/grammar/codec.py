"""Records as the productions of their leftmost derivation (grammar VAE, Kusner et al. 2017, arXiv 1703.01925).

Ids: pad 0, bos 1, eos 2, unk 3, then productions. The nonterminal that a step rewrites is known before the step is chosen, so
productions compete only with those of the same left side, in training (`StepSpec.groups`) as in generation (`Pushdown`): an illegal
one has probability exactly zero, and the end, once nothing is open, exactly one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from seqvae.data.shipped import shipped
from seqvae.errors import ConfigError, DataError, nearest
from seqvae.modalities.grammar.grammar import Grammar
from seqvae.modalities.grammar.pushdown import Pushdown
from seqvae.registry import register
from seqvae.steps import StepSpec

FIRST = 4  # the token of production 0: four specials come before
FILE, SUFFIX = "grammar.lark", ".lark"


@register("tokenizer", "grammar")
class GrammarCodec:
    """Strings to productions.

    Args:
        grammar: `smiles`, `expression`, or a `.lark` file of plain productions (`tokenizers/smiles.lark` shows how).
    """

    def __init__(self, *, grammar: str = "smiles") -> None:
        self._take(Grammar(_read(grammar), Path(grammar).stem))

    @property
    def fingerprint(self) -> str:
        """A hash of the grammar."""
        return hashlib.sha256(json.dumps(["grammar", 1, self.grammar.text]).encode()).hexdigest()

    def fit(self, records: Iterable[str], seed: int) -> None:
        """Nothing: the grammar is given."""

    def encode(self, records: Sequence[str]) -> list[np.ndarray]:
        """int32 `[productions+1]` each, EOS last.

        Raises:
            DataError: a record that the grammar does not derive.
        """
        return [np.array([*(FIRST + n for n in self.grammar.derive(record)), self.spec.eos], np.int32) for record in records]

    def decode(self, sequences: Sequence[np.ndarray]) -> list[str]:
        """The strings that derivations spell, up to the first EOS; what a broken-off one leaves open spells nothing."""
        return [self._decode(np.asarray(sequence)) for sequence in sequences]

    def constraint(self, max_length: int, device: torch.device | str) -> Pushdown:
        """What may follow at each step, so that every sequence is a whole derivation of at most `max_length` steps.

        Raises:
            ConfigError: no derivation is so short.
        """
        return Pushdown(self.grammar, FIRST, self.spec, max_length, device)

    def units(self, record: str) -> int:
        """Characters other than blanks."""
        return len("".join(record.split()))

    def save(self, folder: Path) -> None:
        """Write the grammar itself."""
        (folder / FILE).write_text(self.grammar.text, "utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            DataError: it is not there, or damaged.
        """
        try:
            self._take(Grammar((folder / FILE).read_text("utf-8"), self.grammar.name))
        except (OSError, UnicodeDecodeError, ConfigError) as error:
            raise DataError(f"no grammar in {folder / FILE}: {error}") from error

    def _take(self, grammar: Grammar) -> None:
        self.grammar = grammar
        specials = (0, 0, 1, 0)  # the end competes with nothing, since the stack says when it comes
        sides = [grammar.nonterminals.index(production.left) for production in grammar.productions]
        self.spec = StepSpec(size=FIRST + len(sides), groups=(*specials, *(2 + side for side in sides)))

    def _decode(self, sequence: np.ndarray) -> str:
        ends = np.flatnonzero(sequence == self.spec.eos)
        ids = sequence[: ends[0]] if len(ends) else sequence
        return self.grammar.spell([int(i) - FIRST for i in ids if i >= FIRST])


def _read(grammar: str) -> str:
    """The text of a shipped grammar, by name, or of a file."""
    known = {path.stem: path for path in shipped("tokenizers").glob(f"*{SUFFIX}")}
    path = Path(grammar).expanduser() if grammar.endswith(SUFFIX) else known.get(grammar)
    if path is None:
        raise ConfigError(f"tokenizer.grammar: unknown grammar {grammar!r}; {nearest(grammar, known)}, or give a {SUFFIX} file")
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"tokenizer.grammar: cannot read {grammar}: {error}") from error
