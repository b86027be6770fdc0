"""The decoder of a T5 (Raffel et al. 2020, arXiv 1910.10683), which attends a few latent tokens where it attended its encoder.

A latent `[K]` becomes `tokens` vectors by one linear layer; a sequence of latents `[N,K]` becomes N, each by the same layer. With a
single token cross-attention has nothing to choose from, and its queries learn nothing. Transformer-VAE (Greenlee 2020) and T5-VAE
(Park & Lee 2021) are built this way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from seqvae.decoders.decoder import Decoder
from seqvae.networks.adapting import adapt
from seqvae.networks.attention import KeyValue, select_rows
from seqvae.networks.huggingface import NetworkPart, check_start, key_values, load_network
from seqvae.registry import register
from seqvae.steps import StepSpec, WordDropout

PART = "model.decoder"


@dataclass(frozen=True)
class T5State:
    """Where the rows stand: keys and values `[R,heads,P,d]` of the steps so far and of the latent tokens, a pair a layer each.

    told: the latent tokens `[R,N,width]`; `crossed` is empty until they were first attended.
    """

    told: Tensor
    layers: tuple[KeyValue, ...]
    crossed: tuple[KeyValue, ...] = ()

    def select(self, index: Tensor) -> T5State:
        """The rows `index [R']`."""
        return T5State(self.told[index], select_rows(self.layers, index), select_rows(self.crossed, index))


@register("decoder", "t5")
class T5Decoder(NetworkPart, Decoder[T5State]):
    """T5's decoder over the previous steps, told the latent by cross-attention.

    Args:
        steps: what a step is.
        event_shape: shape of one latent, `[K]` or `[N,K]`.
        pretrained: a name on the hub, or a folder that `save_pretrained` wrote; its own tokenizer is then needed, and a tied
            likelihood, if its output layer is to be its embedding.
        architecture: a Hugging Face configuration of a T5, to be trained from scratch.
        hidden, layers, heads, feed_forward, dropout: of a T5 from scratch, where neither of the two is given.
        tokens: latent tokens, for a latent that is one vector.
        word_dropout: share of previous tokens replaced by `<unk>` while training (tokens only).
        frozen, lora_rank, layer_decay: as for `gpt`.

    Raises:
        ConfigError: the network cannot be had, does not know the tokenizer's tokens, or has nothing to start from.
    """

    def __init__(
        self,
        steps: StepSpec,
        event_shape: torch.Size,
        *,
        pretrained: str | None = None,
        architecture: dict[str, Any] | None = None,
        hidden: PositiveInt = 256,
        layers: PositiveInt = 4,
        heads: PositiveInt = 4,
        feed_forward: PositiveInt | None = None,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        tokens: PositiveInt = 4,
        word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0,
        frozen: bool = False,
        lora_rank: NonNegativeInt = 0,
        layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        from transformers import T5Config

        check_start(steps, PART)
        sizes = T5Config(
            vocab_size=steps.size,
            d_model=hidden,
            num_layers=1,  # of the encoder, which is dropped below
            num_decoder_layers=layers,
            num_heads=heads,
            d_kv=hidden // heads,
            d_ff=feed_forward or 4 * hidden,
            dropout_rate=dropout,
            pad_token_id=steps.pad,
            eos_token_id=steps.eos,
        )
        super().__init__(load_network("T5Model", pretrained, architecture, sizes, PART).decoder, steps, pretrained, PART)
        self.word_dropout = WordDropout(steps, word_dropout)
        self.tokens = tokens if len(event_shape) == 1 else 1
        self.tell = nn.Linear(event_shape[-1], self.tokens * self.width)
        # T5's, where it ties its output to its embedding
        self.scale = self.width**-0.5 if self.network.config.scale_decoder_outputs else 1.0
        adapt(self.network, frozen, lora_rank, layer_decay, PART)

    def start(self, z: Tensor) -> T5State:
        """The state before the first step, for latents `[R,*event]`."""
        told = self.tell(z).unflatten(-1, (self.tokens, self.width)).reshape(len(z), -1, self.width)
        config = self.network.config
        nothing = told.new_zeros(len(z), config.num_heads, 0, config.d_kv)
        return T5State(told, ((nothing, nothing),) * len(self.network.block))

    def run(self, embedded: Tensor, state: T5State) -> tuple[Tensor, T5State]:
        """Steps `[R,T,E]` after those of a state: features `[R,T,H]`, and the state after."""
        from transformers import DynamicCache, EncoderDecoderCache

        output = self.network(
            inputs_embeds=self.enter(embedded),
            encoder_hidden_states=state.told,
            past_key_values=EncoderDecoderCache(DynamicCache(state.layers), DynamicCache(state.crossed)),
            use_cache=True,
        )
        cache = output.past_key_values
        layers, crossed = key_values(cache.self_attention_cache), key_values(cache.cross_attention_cache)
        return output.last_hidden_state * self.scale, T5State(state.told, layers, crossed)
