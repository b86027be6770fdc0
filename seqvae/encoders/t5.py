"""The encoder of a T5 (Raffel et al. 2020, arXiv 1910.10683), pooled to one vector: relative positions, so no length is too long.

Mean or max pooling is what makes T5 a VAE's encoder (Park & Lee 2021): it has no token that stands for the whole.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, NonNegativeInt, PositiveInt

from seqvae.encoders.network import PART, NetworkEncoder
from seqvae.networks.adapting import adapt
from seqvae.networks.huggingface import load_network
from seqvae.networks.pooling import Pooling
from seqvae.registry import register
from seqvae.steps import StepSpec


@register("encoder", "t5")
class T5Encoder(NetworkEncoder):
    """T5's encoder, pooled to `[B,width]`.

    Args:
        steps: what a step is.
        pretrained: a name on the hub, or a folder that `save_pretrained` wrote; its own tokenizer is then needed.
        architecture: a Hugging Face configuration of a T5, to be trained from scratch.
        hidden, layers, heads, feed_forward, dropout: of a T5 from scratch, where neither of the two is given.
        pooling: `mean`, `max` or `attention` over all steps, or `cls`, the state of the start token.
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
        layers: PositiveInt = 4,
        heads: PositiveInt = 4,
        feed_forward: PositiveInt | None = None,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        pooling: Pooling = "mean",
        frozen: bool = False,
        lora_rank: NonNegativeInt = 0,
        layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        from transformers import T5Config

        sizes = T5Config(
            vocab_size=steps.size,
            d_model=hidden,
            num_layers=layers,
            num_heads=heads,
            d_kv=hidden // heads,
            d_ff=feed_forward or 4 * hidden,
            dropout_rate=dropout,
            pad_token_id=steps.pad,
            eos_token_id=steps.eos,
        )
        super().__init__(load_network("T5EncoderModel", pretrained, architecture, sizes, PART), steps, pretrained, pooling)
        adapt(self.network, frozen, lora_rank, layer_decay, PART)
