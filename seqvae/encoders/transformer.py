"""A small bidirectional transformer encoder of our own: pre-norm, rotary positions, one vector by pooling.

For networks that others have trained, and for their architectures, see `bert`.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.networks.attention import TransformerBlocks
from seqvae.networks.pooling import Pool, Pooling
from seqvae.registry import register
from seqvae.steps import StepEmbedding, StepSpec


@register("encoder", "transformer")
class TransformerEncoder(nn.Module):
    """Transformer over the steps, pooled to `[B,hidden]`.

    Args:
        steps: what a step is.
        hidden: width of the residual stream, a multiple of twice the heads.
        layers: blocks.
        heads: attention heads.
        feed_forward: inner width of the feed-forward networks; four times `hidden` if not given.
        pooling: `mean`, `max` or `attention` over real steps, or `cls`, the state of a learned first position.
        dropout: on the embeddings and on what each sublayer adds.

    Raises:
        ConfigError: `hidden` cannot be divided among the heads.
    """

    def __init__(
        self,
        steps: StepSpec,
        *,
        hidden: PositiveInt = 256,
        layers: PositiveInt = 4,
        heads: PositiveInt = 4,
        feed_forward: PositiveInt | None = None,
        pooling: Pooling = "max",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    ) -> None:
        super().__init__()
        if hidden % (2 * heads):
            raise ConfigError(f"model.encoder.hidden={hidden} is no multiple of twice model.encoder.heads={heads}")
        self.width = hidden
        self.embedding = StepEmbedding(steps, hidden)
        self.enter = self.embedding.entrance(hidden)
        self.first = nn.Parameter(0.02 * torch.randn(hidden)) if pooling == "cls" else None
        self.blocks = TransformerBlocks(hidden, layers, heads, feed_forward or 4 * hidden, dropout)
        self.pool = Pool(pooling, hidden)

    def forward(self, batch: SequenceBatch) -> Tensor:
        """Features `[B,hidden]` of what the encoder reads of the batch."""
        batch = batch.encoder_view
        states, mask = self.enter(self.embedding(batch.inputs)), batch.mask
        if self.first is not None:
            states = torch.cat([self.first.expand(len(batch), 1, -1).to(states.dtype), states], dim=1)
            mask = torch.cat([mask[:, :1], mask], dim=1)  # every sequence has a first step
        states, _ = self.blocks(states, None, mask[:, None, None])
        return self.pool(states, mask)
