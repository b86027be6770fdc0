"""Funnel-Transformer (Dai et al. 2020, arXiv 2006.03236): an encoder that halves the sequence after every block, then pools it.

The encoder of Transformer-VAE (Greenlee 2020). The library pools neighbours wherever they stand: a sequence's last step would be
averaged with padding, or cut off, depending on who else is in the batch. Here each sequence is first continued by its own last
step to a whole number of pools, which makes the result the same in any company.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.encoders.network import PART, NetworkEncoder
from seqvae.networks.adapting import adapt
from seqvae.networks.huggingface import load_network
from seqvae.registry import register
from seqvae.steps import StepSpec


@register("encoder", "funnel")
class FunnelEncoder(NetworkEncoder):
    """Funnel's encoder, pooled to `[B,width]`.

    Args:
        steps: what a step is.
        pretrained: a name on the hub, or a folder that `save_pretrained` wrote; its own tokenizer is then needed.
        architecture: a Hugging Face configuration of a Funnel, to be trained from scratch.
        hidden, blocks, heads, feed_forward, dropout: of a Funnel from scratch, where neither of the two is given; `blocks` are the
            layers between one halving and the next.
        pooling: `mean` or `max` over what is left of the steps.
        frozen, lora_rank, layer_decay: as for `bert`.

    Raises:
        ConfigError: the network cannot be had, or does not know the tokenizer's tokens.
    """

    def __init__(
        self,
        steps: StepSpec,
        *,
        pretrained: str | None = None,
        architecture: dict[str, Any] | None = None,
        hidden: PositiveInt = 256,
        blocks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (2, 2),
        heads: PositiveInt = 4,
        feed_forward: PositiveInt | None = None,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        pooling: Literal["mean", "max"] = "mean",
        frozen: bool = False,
        lora_rank: NonNegativeInt = 0,
        layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        from transformers import FunnelConfig

        sizes = FunnelConfig(
            vocab_size=steps.size,
            d_model=hidden,
            block_sizes=list(blocks),
            n_head=heads,
            d_head=hidden // heads,
            d_inner=feed_forward or 4 * hidden,
            hidden_dropout=dropout,
            attention_dropout=dropout,
            pad_token_id=steps.pad,
        )
        super().__init__(load_network("FunnelBaseModel", pretrained, architecture, sizes, PART), steps, pretrained, pooling)
        self.lead = int(self.network.config.separate_cls)  # the start token is no member of a pool, but of its own
        self.halved = 2 ** (len(self.network.config.block_sizes) - 1)
        adapt(self.network, frozen, lora_rank, layer_decay, PART)

    def forward(self, batch: SequenceBatch) -> Tensor:
        """Features `[B,width]` of what the encoder reads of the batch."""
        embedded, _ = self.embed(batch.encoder_view)
        lengths = batch.encoder_view.lengths + 1
        pools = (lengths - self.lead + self.halved - 1) // self.halved  # [B], of steps that one pool holds
        filled = self.lead + pools * self.halved
        longest = int(filled.max()) + self.halved  # the library may cut the end off: leave it some
        place = torch.arange(longest, device=lengths.device)
        source = torch.minimum(place, lengths[:, None] - 1)  # [B,N], the last step again and again
        embedded = embedded.gather(1, source.unsqueeze(-1).expand(-1, -1, embedded.shape[-1]))
        states = self.states(embedded, place < filled[:, None])
        left = torch.arange(states.shape[1], device=lengths.device) < (self.lead + pools)[:, None]
        return self.pool(states, left)
