"""The tokenizer of a pretrained network, or of two: what the decoder writes, and what an encoder of another family reads.

Ids are the network's own. A sequence ends in the tokenizer's end (BERT: [SEP]) and begins, in the network, with its start ([CLS]);
T5 starts with its padding. A start, end or padding that a tokenizer lacks, or uses twice (GPT-2 has one token for all three), gets
an id of its own after the vocabulary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqvae.errors import DataError
from seqvae.networks.huggingface import reaching
from seqvae.registry import register
from seqvae.steps import StepSpec

WRITES, READS = "writes", "reads"


@register("tokenizer", "pretrained")
class PretrainedCodec:
    """Sentences to the tokens of a network of the transformers library.

    Args:
        name: of the decoder's network: on the hub, or a folder that `save_pretrained` wrote.
        encoder: of the encoder's network where it has another tokenizer; None if it has the same.
    """

    def __init__(self, *, name: str, encoder: str | None = None) -> None:
        self.name, self.encoder = name, encoder
        self.spec = StepSpec(size=4)
        self.source_spec: StepSpec | None = None
        self._writes: Vocabulary | None = None
        self._reads: Vocabulary | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of the tokenizers' vocabularies and rules; where they lie does not enter.

        Raises:
            ConfigError: one cannot be had.
        """
        self._find()
        parts = [part.content for part in (self._writes, self._reads) if part is not None]
        return hashlib.sha256(json.dumps(["pretrained", 1, *parts]).encode()).hexdigest()

    def fit(self, records: Iterable[str], seed: int) -> None:
        """Nothing is learnt: the tokenizers are fetched.

        Raises:
            ConfigError: one cannot be had.
        """
        self._find()

    def encode(self, records: Sequence[str]) -> list[np.ndarray]:
        """int32 `[tokens+1]` each, EOS last.

        Raises:
            DataError: a record that has no token.
        """
        return self._writer.encode(records)

    def encode_source(self, records: Sequence[str]) -> list[np.ndarray]:
        """What the encoder reads of each, int32 `[tokens+1]`, its own EOS last.

        Raises:
            DataError: a record that has no token.
        """
        assert self._reads is not None, "asked only where there is a source_spec"
        return self._reads.encode(records)

    def decode(self, sequences: Sequence[np.ndarray]) -> list[str]:
        """The text up to the first EOS; special tokens have no spelling."""
        return [self._writer.decode(np.asarray(sequence)) for sequence in sequences]

    def units(self, record: str) -> int:
        """Words, as white space divides them."""
        return len(record.split())

    def save(self, folder: Path) -> None:
        """Write the tokenizers' own files, under `writes` and `reads`."""
        for part, vocabulary in ((WRITES, self._writes), (READS, self._reads)):
            if vocabulary is not None:
                vocabulary.tokenizer.save_pretrained(folder / part)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; the names are not asked.

        Raises:
            DataError: it is not there, or damaged.
        """
        try:
            self._take(_load(folder / WRITES), _load(folder / READS) if self.encoder is not None else None)
        except (OSError, ValueError) as error:
            raise DataError(f"no tokenizer in {folder}: {str(error).splitlines()[0]}") from error

    @property
    def _writer(self) -> Vocabulary:
        self._find()
        assert self._writes is not None
        return self._writes

    def _find(self) -> None:
        """Fetch the tokenizers, once."""
        if self._writes is not None:
            return
        with reaching("tokenizer.name", self.name):
            writes = _load(self.name)
        reads = None
        if self.encoder is not None:
            with reaching("tokenizer.encoder", self.encoder):
                reads = _load(self.encoder)
        self._take(writes, reads)

    def _take(self, writes: Any, reads: Any | None) -> None:
        self._writes = Vocabulary(writes)
        self._reads = None if reads is None else Vocabulary(reads)
        self.spec = self._writes.spec
        self.source_spec = None if self._reads is None else self._reads.spec


class Vocabulary:
    """One tokenizer of the transformers library, with a start, an end and a padding that differ from one another."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.spec = special_tokens(tokenizer)

    @property
    def content(self) -> str:
        """Everything that decides what it encodes to."""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        rules = backend.to_str() if backend is not None else json.dumps(self.tokenizer.get_vocab(), sort_keys=True)
        return json.dumps([rules, self.spec.bos, self.spec.eos, self.spec.pad])

    def encode(self, records: Sequence[str]) -> list[np.ndarray]:
        """int32 `[tokens+1]` each."""
        ids = self.tokenizer(list(records), add_special_tokens=False)["input_ids"]
        for record, tokens in zip(records, ids, strict=True):
            if not tokens:
                raise DataError(f"{record!r:.60} has no token")
        return [np.array([*tokens, self.spec.eos], np.int32) for tokens in ids]

    def decode(self, sequence: np.ndarray) -> str:
        """The text up to the first EOS."""
        ends = np.flatnonzero(sequence == self.spec.eos)
        ids = sequence[: ends[0]] if len(ends) else sequence
        spelt = ids[ids < len(self.tokenizer)].tolist()  # what comes after the vocabulary is ours
        text: str = self.tokenizer.decode(spelt, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def special_tokens(tokenizer: Any) -> StepSpec:
    """Start, end, padding and unknown of a tokenizer, and the size of its vocabulary with those that it lacked.

    The end is its end or separator. The start is its start, classifier or (as T5 does) padding, the first that is not the end; the
    padding its own, if it is not the end.
    """
    size = len(tokenizer)
    end = _first(tokenizer.eos_token_id, tokenizer.sep_token_id)
    if end is None:
        end, size = size, size + 1
    padding = _first(tokenizer.pad_token_id, other_than=end)
    start = _first(tokenizer.bos_token_id, tokenizer.cls_token_id, padding, other_than=end)
    if start is None:
        start, size = size, size + 1
    if padding is None:
        padding, size = size, size + 1
    unknown = _first(tokenizer.unk_token_id, other_than=end)
    return StepSpec(size=size, pad=padding, bos=start, eos=end, unk=padding if unknown is None else unknown)


def _first(*ids: int | None, other_than: int | None = None) -> int | None:
    return next((token for token in ids if token is not None and token != other_than), None)


def _load(name: str | Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name)
