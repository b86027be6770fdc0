"""The text modality: how sentences are read, shown and judged."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

from seqvae.data.readers import READERS
from seqvae.data.rows import Reader
from seqvae.errors import DataError
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
