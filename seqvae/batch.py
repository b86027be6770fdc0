"""SequenceBatch: what flows from the data to the model.

Sequences are padded on the right. A token sequence ends in EOS and holds no BOS: the decoder prepends its own start, so that
`lengths` counts exactly the steps that the likelihood scores (EOS counted, BOS not, padding never).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class SequenceBatch:
    """One padded batch.

    Shapes:
        inputs: `[B,T]` int64 token ids, or `[B,T,W]` float steps.
        lengths: `[B]` int64, at least 1.
        labels: `[B]` int64 class labels, or None.
        properties: `[B,P]` float, NaN where missing, or None.
        source: what the encoder reads where that differs from what the decoder writes (noised text, a second tokenizer).
        index: `[B]` int64, the row of each record in its split, or None.
    """

    inputs: Tensor
    lengths: Tensor
    labels: Tensor | None = None
    properties: Tensor | None = None
    source: SequenceBatch | None = None
    index: Tensor | None = None

    @property
    def mask(self) -> Tensor:
        """`[B,T]` bool, true at real steps."""
        return torch.arange(self.inputs.shape[1], device=self.lengths.device) < self.lengths[:, None]

    @property
    def encoder_view(self) -> SequenceBatch:
        """What the encoder reads: `source` where there is one, else this batch."""
        return self.source if self.source is not None else self

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def to(self, device: torch.device | str) -> SequenceBatch:
        """The same batch with every tensor on `device`."""
        moved: dict[str, Any] = {f.name: _to(getattr(self, f.name), device) for f in fields(self)}
        return replace(self, **moved)

    def reversed_index(self) -> Tensor:
        """`[B,T]` positions that turn each sequence around within its own length and leave padding where it is."""
        steps = torch.arange(self.inputs.shape[1], device=self.lengths.device)[None]
        turned = self.lengths[:, None] - 1 - steps
        return torch.where(turned >= 0, turned, steps)


def pad(sequences: list[Tensor], value: float = 0) -> tuple[Tensor, Tensor]:
    """Stack sequences `[T_i,...]` into `[B,max T,...]`, padded on the right with `value`, and their `lengths [B]`."""
    lengths = torch.tensor([len(s) for s in sequences], dtype=torch.int64)
    return torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=value), lengths


def _to(value: object, device: torch.device | str) -> object:
    if isinstance(value, (Tensor, SequenceBatch)):
        return value.to(device)
    return value
