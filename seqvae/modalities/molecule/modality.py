"""The molecule modality: how molecules are read, shown and judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqvae.data.computed import PropertyFunction
from seqvae.data.rows import Reader
from seqvae.errors import DataError
from seqvae.modalities.molecule import drawing
from seqvae.modalities.molecule.metrics import generation_metrics
from seqvae.modalities.molecule.parsing import canonical, parse
from seqvae.modalities.molecule.properties import property_function
from seqvae.modalities.molecule.readers import molecule_readers
from seqvae.modalities.molecule.records import Fragments, to_record
from seqvae.modalities.molecule.similarity import tanimoto
from seqvae.registry import register


@register("modality", "molecule")
class MoleculeModality:
    """Molecules: records are canonical isomeric SMILES; what a model writes may be no molecule.

    Args:
        fragments: what to do with a record in several pieces, a salt say: `reject` it, or keep the `largest`.

    Attributes:
        name: as registered.
        readers: a reader for each file suffix.
        columns: the names that a molecule's column usually has in a table.
        unit: what per-unit numbers count.
    """

    name = "molecule"
    unit = "heavy atom"
    columns: tuple[str, ...] = ("smiles", "SMILES", "Smiles", "canonical_smiles", "smi")

    def __init__(self, *, fragments: Fragments = "reject") -> None:
        self.fragments = fragments

    @property
    def readers(self) -> Mapping[str, Reader]:
        """`.smi` and `.sdf`, lines, tables, json and parquet."""
        return molecule_readers(self.fragments)

    def parse(self, argument: str) -> str:
        """A SMILES on the command line to a record.

        Raises:
            DataError: it is no molecule, or several; says why.
        """
        return to_record(argument, self.fragments)

    def to_json(self, record: str) -> str:
        """The SMILES itself."""
        return record

    def property_function(self, name: str) -> PropertyFunction:
        """SMILES to one number each, NaN where there is no molecule; `properties.PROPERTIES` has the names.

        Raises:
            ConfigError: an unknown name.
        """
        return property_function(name)

    def canonical(self, record: str) -> str | None:
        """The canonical isomeric SMILES; None where the string is no molecule, or several of which none may be kept."""
        try:
            return to_record(record, self.fragments)
        except DataError:
            return None

    def similarity(self, a: Sequence[str], b: Sequence[str]) -> np.ndarray:
        """`[N]` Tanimoto similarities of pairs by counts of their environments, 0 to 1."""
        return tanimoto(a, b)

    def render(self, record: str) -> str:
        """An HTML fragment: the structure, or the string where it is no molecule."""
        return drawing.svg(record)

    def picture(self, tiles: Sequence[tuple[str, str]], columns: int, suffix: str) -> bytes:
        """The content of a `.svg` or `.png` file: structures with captions, row by row in so many columns."""
        return drawing.grid(tiles, columns, suffix)

    def paint(self, axes: Any, record: str, colour: str) -> None:
        """The structure onto matplotlib axes, its atoms in the colours that chemists know rather than in `colour`."""
        drawing.paint(axes, record)

    def perplexities(self, nll_nats: float, tokens: int, units: int, records: int) -> dict[str, float]:
        """`ppl_token = exp(nll / tokens)`, the end of each record counted; it depends on the tokenizer."""
        return {"ppl_token": math.exp(nll_nats / tokens)}

    def reconstruction_metrics(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
        """`reconstruction_exact`, the share that came back as the same molecule (equal canonical isomeric SMILES), 0 to 1."""
        return {"reconstruction_exact": float(self.same(references, hypotheses).mean())}

    def valid(self, records: Sequence[str]) -> np.ndarray:
        """`[N]` bool: what RDKit makes a molecule of."""
        known = {record: parse(record) is not None for record in set(records)}
        return np.array([known[record] for record in records])

    def same(self, references: Sequence[str], hypotheses: Sequence[str]) -> np.ndarray:
        """`[N]` bool: whether each pair is one molecule, by canonical isomeric SMILES; never where either is none."""
        known = {record: canonical(record) for record in {*references, *hypotheses}}
        pairs = zip(references, hypotheses, strict=True)
        return np.array([known[one] is not None and known[one] == known[other] for one, other in pairs])

    def generation_metrics(
        self, samples: Sequence[str], references: Sequence[str], training: Sequence[str] | None, seed: int = 0
    ) -> dict[str, Any]:
        """What `metrics` measures of generated molecules against those of a split, of which it draws by the seed."""
        return generation_metrics(samples, references, training, seed)
