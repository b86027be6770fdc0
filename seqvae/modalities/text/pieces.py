"""Subword pieces learnt from the user's own sentences, lossless on any Unicode text.

SentencePiece (Kudo & Richardson 2018, arXiv 1808.06226), unigram model (Kudo 2018, arXiv 1804.10959), no normalisation, and
bytes for characters it does not know. Two things make decode(encode(s)) == s for every string s: white space is kept as it is,
and U+2581, which SentencePiece writes for a blank, is escaped. Ids: pad 0, bos 1, eos 2, unk 3, then pieces.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import PositiveInt

from seqvae.errors import DataError
from seqvae.registry import register
from seqvae.steps import StepSpec

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

SPECIALS = 4
FILE = "pieces.model"
SAMPLE = 50_000  # sentences that training looks at, drawn at random from more: it holds them in memory, some 2 kB each
LONGEST = 16_384  # bytes; a longer sentence teaches nothing and is passed over in training
THREADS = 4  # in training: the pieces depend on it in the last digits, so it must not follow the machine
BLANK, ESCAPE = "\u2581", "\ue000"


@register("tokenizer", "sentencepiece")
class PieceCodec:
    """Sentences to pieces.

    Args:
        vocab_size: most pieces, the specials and 256 bytes counted; a small corpus gives fewer.
        model: a SentencePiece model file trained elsewhere, used instead of training one. It keeps its own normalisation.
        character_coverage: the share of characters that get a piece of their own; the rest are spelt in bytes.
    """

    def __init__(self, *, vocab_size: PositiveInt = 8000, model: str | None = None, character_coverage: float = 0.9995) -> None:
        self.vocab_size, self.model, self.character_coverage = vocab_size, model, character_coverage
        self.spec = StepSpec(size=vocab_size)
        self._proto = b""

    @property
    def fingerprint(self) -> str:
        """A hash of the fitted model; before that, of the options and of the pretrained model's file."""
        if self._proto:
            return hashlib.sha256(self._proto).hexdigest()
        given = hashlib.sha256(self._given()).hexdigest() if self.model is not None else None
        options = ["sentencepiece", 2, self.vocab_size, self.character_coverage, given]
        return hashlib.sha256(json.dumps(options).encode()).hexdigest()

    def fit(self, records: Iterable[str], seed: int) -> None:
        """Train on `records`, unless a model was given; `seed` decides the sample where there are more than 500,000.

        Raises:
            DataError: the corpus cannot be divided into so few pieces, or the model file cannot be read.
        """
        self._take(self._given() if self.model is not None else self._train(map(escape, records), seed))

    def encode(self, records: Sequence[str]) -> list[np.ndarray]:
        """int32 `[pieces+1]` each, EOS last.

        Raises:
            DataError: a record that is empty, or holds half a surrogate pair and so is no text.
        """
        for record in records:
            if not record:
                raise DataError("empty")
            if not record.isascii() and any("\ud800" <= c <= "\udfff" for c in record):
                raise DataError("no Unicode text: it holds a lone surrogate")
        pieces = self._processor.encode([escape(r) for r in records], num_threads=min(os.cpu_count() or 1, 16))
        eos = [self.spec.eos]
        return [np.concatenate([self._ours[ids], eos]).astype(np.int32) for ids in pieces]

    def decode(self, sequences: Sequence[np.ndarray]) -> list[str]:
        """The text up to the first EOS; BOS and padding have no spelling."""
        return [unescape(self._processor.decode(self._pieces(np.asarray(sequence)))) for sequence in sequences]

    def units(self, record: str) -> int:
        """Words, as white space divides them."""
        return len(record.split())

    def save(self, folder: Path) -> None:
        """Write `pieces.model`, SentencePiece's own format."""
        (folder / FILE).write_bytes(self._proto)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote.

        Raises:
            DataError: it is not there, or damaged.
        """
        try:
            self._take((folder / FILE).read_bytes())
        except OSError as error:
            raise DataError(f"no pieces in {folder / FILE}: {error.strerror}") from error

    def _train(self, records: Iterator[str], seed: int) -> bytes:
        import sentencepiece

        sentencepiece.set_random_generator_seed(seed % 2**32)
        model = io.BytesIO()
        failures: list[BaseException] = []
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_watched(records, failures),
                model_writer=model,
                model_type="unigram",
                vocab_size=self.vocab_size,
                hard_vocab_limit=False,
                character_coverage=self.character_coverage,
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                pad_id=0,
                bos_id=1,
                eos_id=2,
                unk_id=3,
                input_sentence_size=SAMPLE,
                shuffle_input_sentence=True,
                max_sentence_length=LONGEST,
                num_threads=THREADS,
                minloglevel=2,
            )
        except (RuntimeError, OSError) as error:
            if failures:
                raise failures[0] from None
            raise DataError(f"cannot learn tokenizer.vocab_size={self.vocab_size} pieces: {_cause(error)}") from error
        return model.getvalue()

    def _given(self) -> bytes:
        assert self.model is not None
        try:
            return Path(self.model).expanduser().read_bytes()
        except OSError as error:
            raise DataError(f"cannot read tokenizer.model={self.model}: {error.strerror}") from error

    def _take(self, proto: bytes) -> None:
        """Number a model's pieces our way: four specials first, then its pieces in its order, its own specials left out."""
        import sentencepiece

        try:
            self._processor: SentencePieceProcessor = sentencepiece.SentencePieceProcessor(model_proto=proto)
        except RuntimeError as error:
            raise DataError(f"not a SentencePiece model: {_cause(error)}") from error
        sp = self._processor
        theirs = [i for i in range(sp.vocab_size()) if not (sp.is_control(i) or sp.is_unknown(i))]
        self._theirs = np.array([sp.unk_id()] * SPECIALS + theirs)
        self.spec = StepSpec(size=len(self._theirs))
        self._ours = np.full(sp.vocab_size(), self.spec.unk)
        self._ours[theirs] = np.arange(SPECIALS, self.spec.size)
        self._proto = proto

    def _pieces(self, sequence: np.ndarray) -> list[int]:
        ends = np.flatnonzero(sequence == self.spec.eos)
        ids = sequence[: ends[0]] if len(ends) else sequence
        pieces: list[int] = self._theirs[ids[ids >= self.spec.unk]].tolist()
        return pieces


def escape(text: str) -> str:
    """Free `text` of U+2581, reversibly: U+E000 introduces an escape, and is itself escaped."""
    return text.replace(ESCAPE, ESCAPE + "0").replace(BLANK, ESCAPE + "1")


def unescape(text: str) -> str:
    """The inverse of `escape`; what `escape` never writes is left alone."""
    return text.replace(ESCAPE + "1", BLANK).replace(ESCAPE + "0", ESCAPE)


def _watched(records: Iterator[str], failures: list[BaseException]) -> Iterator[str]:
    """The same records; what goes wrong in reading them is kept, for SentencePiece turns it into an error of its own."""
    try:
        yield from records
    except BaseException as failure:
        failures.append(failure)
        raise


def _cause(error: Exception) -> str:
    """The sentence at the end of SentencePiece's message, which opens with its source line and condition."""
    if "sentences_.empty()" in str(error):
        return "there is no sentence to learn from"
    return str(error).strip().splitlines()[-1].rpartition("] ")[2] or type(error).__name__
