"""The text modality: how sentences are read, shown and judged."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

from seqvae.data.computed import PropertyFunction
from seqvae.data.readers import READERS
from seqvae.data.rows import Reader
from seqvae.errors import ConfigError, DataError, nearest
from seqvae.modalities.text import properties
from seqvae.registry import register


@register("modality", "text")
class TextModality:
    """Sentences: records are `str`.

    Attributes:
        name: as registered.
        readers: a reader for each file suffix.
        columns: the names a sentence's column usually has in a table.
        unit: what per-unit numbers count.
    """

    name = "text"
    unit = "word"
    columns: tuple[str, ...] = ("text", "sentence")

    @property
    def readers(self) -> Mapping[str, Reader]:
        """Lines, tables, json and parquet."""
        return READERS

    def parse(self, argument: str) -> str:
        """A command-line argument to a sentence.

        Raises:
            DataError: it holds no word, or bytes that are no text.
        """
        if not argument.strip():
            raise DataError("an empty sentence has no latent; give at least one word")
        if any("\ud800" <= c <= "\udfff" for c in argument):
            raise DataError(f"{argument!r:.60} is not UTF-8 text")
        return argument

    def to_json(self, record: str) -> str:
        """The sentence itself."""
        return record

    def render(self, record: str) -> str:
        """An HTML fragment."""
        return f"<p>{html.escape(record)}</p>"

    def property_function(self, name: str) -> PropertyFunction:
        """Sentences to one number each: `words`, `characters`, or `word_length`, the mean.

        Raises:
            ConfigError: an unknown name.
        """
        if name not in properties.PROPERTIES:
            raise ConfigError(f"text has no property {name!r}; {nearest(name, properties.PROPERTIES)}")
        measure = properties.PROPERTIES[name]
        return lambda sentences: np.array([measure(sentence) for sentence in sentences], dtype=np.float64)

    def canonical(self, record: str) -> str | None:
        """The sentence with single blanks between its words; None where it has none."""
        return " ".join(record.split()) or None

    def similarity(self, a: Sequence[str], b: Sequence[str]) -> np.ndarray:
        """`[N]` of pairs, 0 to 1: the share of words that stay, by edit distance."""
        return np.array([properties.similarity(first, second) for first, second in zip(a, b, strict=True)])

    def perplexities(self, nll_nats: float, tokens: int, units: int, records: int) -> dict[str, float]:
        """Perplexities of a corpus.

        Args:
            nll_nats: negative log likelihood of all records, summed, nats.
            tokens: steps scored, the end of each record counted.
            units: words, without the ends.
            records: sentences; each ends once, and the end is scored, so a word's perplexity counts `units + records`.

        Returns:
            `ppl_word = exp(nll / (units + records))` and `ppl_token = exp(nll / tokens)`.
        """
        return {"ppl_word": math.exp(nll_nats / (units + records)), "ppl_token": math.exp(nll_nats / tokens)}

    def reconstruction_metrics(self, references: Sequence[str], hypotheses: Sequence[str]) -> dict[str, float]:
        """How well sentences came back.

        Returns:
            `reconstruction_exact`, the share equal to their reference, 0 to 1; `bleu`, sacrebleu's corpus BLEU, 0 to 100, over
            tokens as white space divides them (`tokenize="none"`): PTB and Yelp are tokenised already, and would be twice.
        """
        from sacrebleu.metrics.bleu import BLEU

        exact = sum(r == h for r, h in zip(references, hypotheses, strict=True)) / len(references)
        bleu = BLEU(tokenize="none", force=True).corpus_score(list(hypotheses), [list(references)])
        return {"reconstruction_exact": exact, "bleu": bleu.score}
