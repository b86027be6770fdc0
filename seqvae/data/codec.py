"""What the data room asks of a codec: the two-way street between a record (a sentence, a drawing, a molecule) and time steps.

A codec is a registered part of kind "tokenizer": its keyword-only parameters are the recipe's `tokenizer` section.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from seqvae.steps import StepSpec


class Codec(Protocol):
    """Records in, arrays of steps out, and back.

    Tokens are int32 `[T]`, vectors float32 `[T,W]`; the end of the sequence (EOS) is the last step, no BOS, no padding.
    One whose sequences obey a rule may also offer `constraint(max_length, device)`: what generation must keep to
    (`seqvae.generation.constraints`), so that what is written can always be decoded.
    """

    spec: StepSpec

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides what `encode` returns; before `fit`, of everything that decides what `fit` learns."""

    def fit(self, records: Iterable[Any], seed: int) -> None:
        """Learn what must be learnt from the training records (a vocabulary, a scale). Called once, before anything else."""

    def encode(self, records: Sequence[Any]) -> list[np.ndarray]:
        """One array a record, in order. Raises DataError for a record that has no steps."""

    def decode(self, sequences: Sequence[np.ndarray]) -> list[Any]:
        """One record a sequence; stops at the first EOS, and takes sequences without one whole."""

    def units(self, record: Any) -> int:
        """Units the field counts per record for per-unit numbers: words of a sentence, points of a drawing (EOS not counted)."""

    def save(self, folder: Path) -> None:
        """Write all files that `load` needs into an existing folder. No pickle."""

    def load(self, folder: Path) -> None:
        """The inverse of `save`, on a codec built from the same configuration."""


@runtime_checkable
class TwoCodec(Protocol):
    """What a codec offers besides where the encoder reads other steps than the decoder writes (two tokenizers)."""

    source_spec: StepSpec | None

    def encode_source(self, records: Sequence[Any]) -> list[np.ndarray]:
        """What the encoder reads of each record, in order; the end is the last step, as in `encode`."""


def source_spec(codec: Codec) -> StepSpec | None:
    """What the encoder's steps are where they are not the decoder's, else None."""
    return codec.source_spec if isinstance(codec, TwoCodec) else None


def source_sequences(codec: Codec, records: Sequence[Any]) -> list[np.ndarray]:
    """What the encoder reads of each record where that is not what the decoder writes; else nothing."""
    return codec.encode_source(records) if isinstance(codec, TwoCodec) and codec.source_spec is not None else []
