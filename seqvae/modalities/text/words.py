"""Words as they stand between white space: the codec of the published PTB, Yahoo and Yelp numbers.

Ids: pad 0, bos 1, eos 2, unk 3, then words, the most frequent first. `<unk>` in the text itself, as in PTB, is the unknown word.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import PositiveInt

from seqvae.data.vocabulary import SPECIALS, VocabularyCodec
from seqvae.errors import DataError
from seqvae.registry import register

UNKNOWN = "<unk>"


@register("tokenizer", "word")
class WordCodec(VocabularyCodec):
    """Sentences to word ids.

    Args:
        vocab_size: most entries, the four specials counted; None keeps every word.
        min_count: words rarer than this in the training records become `<unk>`.
        lower: lower-case everything first.
    """

    kind, stem = "word", "words"

    def __init__(self, *, vocab_size: PositiveInt | None = None, min_count: PositiveInt = 1, lower: bool = False) -> None:
        if vocab_size is not None and vocab_size <= len(SPECIALS):
            raise DataError(f"tokenizer.vocab_size={vocab_size} leaves no room for words beside {len(SPECIALS)} specials")
        self.vocab_size, self.min_count, self.lower = vocab_size, min_count, lower
        super().__init__()

    @property
    def options(self) -> list[Any]:
        """Size, count and case."""
        return [self.vocab_size, self.min_count, self.lower]

    def split(self, record: str) -> list[str]:
        """Words.

        Raises:
            DataError: there is none.
        """
        words = (record.lower() if self.lower else record).split()
        if not words:
            raise DataError("no words")
        return words

    def join(self, pieces: list[str]) -> str:
        """Words with a blank between them."""
        return " ".join(pieces)

    def kept(self, counts: Counter[str]) -> list[str]:
        """The common words, without the unknown one: that has an id of its own."""
        common = [word for word in super().kept(counts) if counts[word] >= self.min_count and word != UNKNOWN]
        return common if self.vocab_size is None else common[: self.vocab_size - len(SPECIALS)]

    def unknown(self, piece: str) -> int:
        """`<unk>`."""
        return self.spec.unk

    def units(self, record: str) -> int:
        """Words."""
        return len(record.split())
