"""The network of a classifier: an encoder of the package's own, and one linear layer.

p(c|x) = softmax(W f(x) + b)_c
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.steps import StepSpec


class SequenceClassifier(nn.Module):
    """Log-odds of each class, of tokens and of vectors alike.

    Args:
        steps: what the encoder reads.
        encoder: any registered encoder, as a checked mapping.
        classes: how many, C.
        dropout: on the encoder's features.
    """

    def __init__(self, steps: StepSpec, encoder: Mapping[str, Any], classes: int, dropout: float) -> None:
        super().__init__()
        self.encoder = registry.build("encoder", encoder, steps)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.encoder.width, classes)

    def forward(self, batch: SequenceBatch) -> Tensor:
        """`[B,C]`, up to a constant of each row."""
        logits: Tensor = self.head(self.dropout(self.encoder(batch)))
        return logits
