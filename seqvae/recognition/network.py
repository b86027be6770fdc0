"""The network of a classifier: an encoder of the package's own, and one linear layer.

p(c|x) = softmax(W f(x) + b)_c
"""

from __future__ import annotations

from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.data.codec import Codec, source_spec
from seqvae.recognition.settings import ClassifierSettings


class SequenceClassifier(nn.Module):
    """Log-odds of each class, of tokens and of vectors alike.

    Args:
        codec: fitted; whose sequences the encoder reads.
        settings: the encoder, and the dropout on its features.
        classes: how many, C.
    """

    def __init__(self, codec: Codec, settings: ClassifierSettings, classes: int) -> None:
        super().__init__()
        self.encoder = registry.build("encoder", settings.encoder, source_spec(codec) or codec.spec)
        self.dropout = nn.Dropout(settings.dropout)
        self.head = nn.Linear(self.encoder.width, classes)

    def forward(self, batch: SequenceBatch) -> Tensor:
        """`[B,C]`, up to a constant of each row."""
        logits: Tensor = self.head(self.dropout(self.encoder(batch)))
        return logits
