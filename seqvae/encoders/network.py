"""What encoders around a network of the transformers library do alike.

Such a network reads the start step (BERT's [CLS]) and then the record; its last states are pooled.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.networks.huggingface import NetworkPart, check_positions, position_limit
from seqvae.networks.pooling import Pool, Pooling
from seqvae.steps import StepSpec

PART = "model.encoder"


class NetworkEncoder(NetworkPart):
    """A network, pooled to `[B,width]`.

    Args:
        network: of the transformers library.
        steps: what a step is.
        pretrained: the name that the network came from, or None.
        pooling: one of the four.

    Raises:
        ConfigError: the network does not know the tokenizer's tokens.
    """

    def __init__(self, network: Any, steps: StepSpec, pretrained: str | None, pooling: Pooling) -> None:
        super().__init__(network, steps, pretrained, PART)
        self.pool = Pool(pooling, self.width)
        limit = position_limit(network)
        self.max_steps = None if limit is None else limit - 1  # one is the start's

    def forward(self, batch: SequenceBatch) -> Tensor:
        """Features `[B,width]` of what the encoder reads of the batch.

        Raises:
            DataError: a sequence longer than the network has positions.
        """
        embedded, mask = self.embed(batch.encoder_view)
        return self.pool(self.states(embedded, mask), mask)

    def embed(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """What the network reads: each sequence after the start step, `[B,1+T,H]`, and which of it is real, `[B,1+T]`."""
        check_positions(batch.inputs.shape[1], self.max_steps, PART)
        start = self.steps.start_step(len(batch), batch.inputs.device).to(batch.inputs.dtype).unsqueeze(1)
        mask = torch.cat([torch.ones_like(batch.mask[:, :1]), batch.mask], dim=1)
        return self.enter(self.embedding(torch.cat([start, batch.inputs], dim=1))), mask

    def states(self, embedded: Tensor, mask: Tensor) -> Tensor:
        """The network's last states `[B,N,width]` over vectors `[B,T,H]`, of which those are real that `mask [B,T]` says."""
        states: Tensor = self.network(inputs_embeds=embedded, attention_mask=mask.to(embedded.dtype)).last_hidden_state
        return states
