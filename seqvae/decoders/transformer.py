"""A small causal transformer decoder of our own: p(x_t | x_<t, z), pre-norm, rotary positions, the latent as memory and embedding.

Teacher forcing and generation are one function: T steps at once, or one at a time over cached keys and values. The memory slot is
where the cache begins. For networks that others have trained, see `gpt` and `t5`.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from seqvae.decoders.decoder import Decoder
from seqvae.errors import ConfigError
from seqvae.networks.attention import TransformerBlocks, causal_mask
from seqvae.networks.injection import AttentionState, Injections, LatentInjection
from seqvae.registry import register
from seqvae.steps import StepEmbedding, StepSpec, WordDropout


@register("decoder", "transformer")
class TransformerDecoder(Decoder[AttentionState]):
    """Transformer over the previous steps, told the latent.

    Args:
        steps: what a step is.
        event_shape: shape of one latent; flattened to K numbers.
        hidden: width H of the residual stream, a multiple of twice the heads.
        layers: blocks.
        heads: attention heads.
        feed_forward: inner width of the feed-forward networks; four times `hidden` if not given.
        injection: `memory` (one more key and value in every layer), `embedding` (added to every embedding), or both.
        dropout: on the embeddings and on what each sublayer adds.
        word_dropout: share of previous tokens replaced by `<unk>` while training (tokens only).

    Raises:
        ConfigError: `hidden` cannot be divided among the heads.
    """

    def __init__(
        self,
        steps: StepSpec,
        event_shape: torch.Size,
        *,
        hidden: PositiveInt = 256,
        layers: PositiveInt = 4,
        heads: PositiveInt = 4,
        feed_forward: PositiveInt | None = None,
        injection: Injections = ("memory", "embedding"),
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        super().__init__()
        if hidden % (2 * heads):
            raise ConfigError(f"model.decoder.hidden={hidden} is no multiple of twice model.decoder.heads={heads}")
        self.steps, self.width = steps, hidden
        self.embedding = StepEmbedding(steps, hidden)
        self.enter = self.embedding.entrance(hidden)
        self.word_dropout = WordDropout(steps, word_dropout)
        self.injection = LatentInjection(event_shape.numel(), injection, hidden, layers, heads, hidden // heads)
        self.blocks = TransformerBlocks(hidden, layers, heads, feed_forward or 4 * hidden, dropout)

    def start(self, z: Tensor) -> AttentionState:
        """The state before the first step, for latents `[R,*event]`."""
        return self.injection(z)

    def run(self, embedded: Tensor, state: AttentionState) -> tuple[Tensor, AttentionState]:
        """Steps `[R,T,E]` after those of a state: features `[R,T,H]`, and the state after."""
        states = self.enter(embedded) + state.shift.unsqueeze(1)
        mask = causal_mask(states.shape[1], state.position + state.memory, states.device)
        features, layers = self.blocks(states, state.layers, mask, state.position)
        return features, AttentionState(layers, state.shift, state.memory)
