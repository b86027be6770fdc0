"""Words as they stand between white space: the codec of the published PTB, Yahoo and Yelp numbers.

Ids: pad 0, bos 1, eos 2, unk 3, then words, the most frequent first. `<unk>` in the text itself, as in PTB, is the unknown word.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import PositiveInt

from seqvae.errors import DataError
from seqvae.registry import register
from seqvae.steps import StepSpec

SPECIALS = ("<pad>", "<s>", "</s>", "<unk>")
UNKNOWN = "<unk>"
FILE = "words.json"


@register("tokenizer", "word")
class WordCodec:
    """Sentences to word ids.

    Args:
        vocab_size: most entries, the four specials counted; None keeps every word.
        min_count: words rarer than this in the training records become `<unk>`.
        lower: lower-case everything first.
    """

    def __init__(self, *, vocab_size: PositiveInt | None = None, min_count: PositiveInt = 1, lower: bool = False) -> None:
        if vocab_size is not None and vocab_size <= len(SPECIALS):
            raise DataError(f"tokenizer.vocab_size={vocab_size} leaves no room for words beside {len(SPECIALS)} specials")
        self.vocab_size, self.min_count, self.lower = vocab_size, min_count, lower
        self._take([])

    @property
    def fingerprint(self) -> str:
        """A hash of the options and, once fitted, of the vocabulary."""
        content = json.dumps(["word", 1, self.vocab_size, self.min_count, self.lower, self.words])
        return hashlib.sha256(content.encode()).hexdigest()

    def fit(self, records: Iterable[str], seed: int) -> None:
        """Count the words of `records`; equally frequent ones are ordered by spelling, so the order of records has no effect."""
        counts: Counter[str] = Counter()
        for record in records:
            counts.update(self._split(record))
        counts.pop(UNKNOWN, None)
        common = sorted((word for word, count in counts.items() if count >= self.min_count), key=lambda w: (-counts[w], w))
        self._take(common if self.vocab_size is None else common[: self.vocab_size - len(SPECIALS)])

    def encode(self, records: Sequence[str]) -> list[np.ndarray]:
        """int32 `[words+1]` each, EOS last.

        Raises:
            DataError: a record without words.
        """
        return [self._encode(record) for record in records]

    def decode(self, sequences: Sequence[np.ndarray]) -> list[str]:
        """Words with a blank between them, up to the first EOS; BOS and padding have no spelling."""
        return [self._decode(np.asarray(sequence)) for sequence in sequences]

    def units(self, record: str) -> int:
        """Words."""
        return len(record.split())

    def save(self, folder: Path) -> None:
        """Write `words.json`."""
        (folder / FILE).write_text(json.dumps({"words": self.words}, ensure_ascii=False, indent=0), "utf-8")

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            DataError: it is not there, or damaged.
        """
        try:
            self._take(json.loads((folder / FILE).read_text("utf-8"))["words"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no word vocabulary in {folder / FILE}: {error}") from error

    def _take(self, words: list[str]) -> None:
        self.words = words
        self.spec = StepSpec(size=len(SPECIALS) + len(words))
        self._ids = {word: number for number, word in enumerate(words, start=len(SPECIALS))}

    def _split(self, record: str) -> list[str]:
        return (record.lower() if self.lower else record).split()

    def _encode(self, record: str) -> np.ndarray:
        ids = [self._ids.get(word, self.spec.unk) for word in self._split(record)]
        if not ids:
            raise DataError("no words")
        return np.array([*ids, self.spec.eos], np.int32)

    def _decode(self, sequence: np.ndarray) -> str:
        ends = np.flatnonzero(sequence == self.spec.eos)
        ids = sequence[: ends[0]] if len(ends) else sequence
        spelt = (self.words[i - len(SPECIALS)] if i >= len(SPECIALS) else UNKNOWN for i in ids if i >= self.spec.unk)
        return " ".join(spelt)
