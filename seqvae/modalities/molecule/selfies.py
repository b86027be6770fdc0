"""SELFIES: every string of its symbols is a molecule (Krenn et al. 2020, arXiv 1905.13741), so every decode is.

The translation is the package's own (the `selfies` extra). It refuses molecules whose valences go beyond its table, and it
works on Kekule structures, so what comes back is made canonical again.
"""

from __future__ import annotations

from types import ModuleType

from seqvae.data.vocabulary import SPECIALS, VocabularyCodec
from seqvae.errors import ConfigError, DataError
from seqvae.modalities.molecule.parsing import canonical
from seqvae.modalities.molecule.smiles import heavy_atoms
from seqvae.registry import register


@register("tokenizer", "selfies")
class SelfiesCodec(VocabularyCodec):
    """SMILES to ids of SELFIES symbols; the vocabulary is what occurs in the training records."""

    kind, stem = "selfies", "symbols"

    def __init__(self) -> None:
        super().__init__()

    def split(self, record: str) -> list[str]:
        """Symbols.

        Raises:
            DataError: SELFIES cannot say this molecule.
            ConfigError: the package is not installed.
        """
        selfies = _selfies()
        try:
            symbols = list(selfies.split_selfies(selfies.encoder(record)))
        except selfies.EncoderError as error:
            raise DataError(f"SELFIES cannot say {record!r:.60}: {_reason(error)}") from None
        if not symbols:
            raise DataError("empty")
        return symbols

    def join(self, pieces: list[str]) -> str:
        """The molecule's canonical SMILES; an empty string where the symbols say nothing."""
        smiles: str = _selfies().decoder("".join(piece for piece in pieces if piece not in SPECIALS))
        return canonical(smiles) or smiles

    def units(self, record: str) -> int:
        """Heavy atoms."""
        return heavy_atoms(record)


def _selfies() -> ModuleType:
    try:
        import selfies
    except ImportError:
        raise ConfigError("tokenizer=selfies needs the package selfies; pip install 'seqvae[selfies]'") from None
    return selfies


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removeprefix("Message: ") if lines else "unknown"
