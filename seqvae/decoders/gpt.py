"""GPT-2 (Radford et al. 2019) and its family in the transformers library as decoder: p(x_t | x_<t, z).

The latent enters as in Optimus (Li et al. 2020, arXiv 2004.04092): as `memory`, one more key and value in every layer, by
the library's own cache object, in training and in generation alike; as `embedding`, added to every input embedding; or both.
The memory slot takes no position: the first step is position 0, with or without it.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from seqvae.decoders.decoder import Decoder
from seqvae.networks.adapting import adapt
from seqvae.networks.huggingface import NetworkPart, check_positions, check_start, key_values, load_network, position_limit
from seqvae.networks.injection import AttentionState, Injections, LatentInjection
from seqvae.registry import register
from seqvae.steps import StepSpec, WordDropout

PART = "model.decoder"


@register("decoder", "gpt")
class GptDecoder(NetworkPart, Decoder[AttentionState]):
    """A causal Hugging Face network over the previous steps, told the latent.

    Args:
        steps: what a step is.
        event_shape: shape of one latent; flattened to K numbers.
        pretrained: a name on the hub, or a folder that `save_pretrained` wrote; its own tokenizer is then needed, and a tied
            likelihood, if its output layer is to be its embedding.
        architecture: a Hugging Face configuration with its `model_type`, to be trained from scratch.
        hidden, layers, heads, feed_forward, positions, dropout: of a GPT-2 from scratch, where neither of the two is given.
        injection: `memory`, `embedding`, or both.
        word_dropout: share of previous tokens replaced by `<unk>` while training (tokens only).
        frozen: do not train the network; what brings the latent in is trained.
        lora_rank: train low-rank adapters beside the frozen network; 0 is none.
        layer_decay: learning rate of a layer over that of the layer above it.

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
        positions: PositiveInt = 1024,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        injection: Injections = ("memory", "embedding"),
        word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0,
        frozen: bool = False,
        lora_rank: NonNegativeInt = 0,
        layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        from transformers import GPT2Config

        check_start(steps, PART)
        sizes = GPT2Config(
            vocab_size=steps.size,
            n_positions=positions,
            n_embd=hidden,
            n_layer=layers,
            n_head=heads,
            n_inner=feed_forward,
            resid_pdrop=dropout,
            embd_pdrop=dropout,
            attn_pdrop=dropout,
            bos_token_id=steps.bos,
            eos_token_id=steps.eos,
        )
        super().__init__(load_network("AutoModel", pretrained, architecture, sizes, PART), steps, pretrained, PART)
        self.word_dropout = WordDropout(steps, word_dropout)
        config = self.network.config
        key_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        head_width = getattr(config, "head_dim", None) or self.width // config.num_attention_heads
        self.injection = LatentInjection(
            event_shape.numel(), injection, self.width, config.num_hidden_layers, key_heads, head_width
        )
        self.max_steps = position_limit(self.network)
        adapt(self.network, frozen, lora_rank, layer_decay, PART)

    def start(self, z: Tensor) -> AttentionState:
        """The state before the first step, for latents `[R,*event]`."""
        return self.injection(z)

    def run(self, embedded: Tensor, state: AttentionState) -> tuple[Tensor, AttentionState]:
        """Steps `[R,T,E]` after those of a state: features `[R,T,H]`, and the state after."""
        from transformers import DynamicCache

        first, last = state.position, state.position + embedded.shape[1]
        check_positions(last, self.max_steps, PART)
        output = self.network(
            inputs_embeds=self.enter(embedded) + state.shift.unsqueeze(1),
            past_key_values=DynamicCache(state.layers),
            position_ids=torch.arange(first, last, device=embedded.device).unsqueeze(0),
            use_cache=True,
        )
        return output.last_hidden_state, AttentionState(key_values(output.past_key_values), state.shift, state.memory)
