"""Any bidirectional encoder of the transformers library: BERT (Devlin et al. 2019, arXiv 1810.04805), RoBERTa, MiniLM, ModernBERT.

Trained elsewhere and named by `pretrained`, or built from scratch by size. It reads the start token ([CLS]) and then the record,
whose end is [SEP]. The pooling matters more than what comes after: Optimus took [CLS], the mean collapses less.
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


@register("encoder", "bert")
class BertEncoder(NetworkEncoder):
    """A Hugging Face encoder, pooled to `[B,width]`.

    Args:
        steps: what a step is.
        pretrained: a name on the hub, or a folder that `save_pretrained` wrote; its own tokenizer is then needed.
        architecture: a Hugging Face configuration with its `model_type`, to be trained from scratch.
        hidden, layers, heads, feed_forward, positions, dropout: of a BERT from scratch, where neither of the two is given.
        pooling: `mean`, `max` or `attention` over all steps, or `cls`, the state of the first.
        frozen: do not train the network.
        lora_rank: train low-rank adapters beside the frozen network instead; 0 is none.
        layer_decay: learning rate of a layer over that of the layer above it.

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
        positions: PositiveInt = 512,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1,
        pooling: Pooling = "mean",
        frozen: bool = False,
        lora_rank: NonNegativeInt = 0,
        layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0,
    ) -> None:
        from transformers import BertConfig

        sizes = BertConfig(
            vocab_size=steps.size,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=feed_forward or 4 * hidden,
            max_position_embeddings=positions,
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
            pad_token_id=steps.pad,
        )
        network = load_network("AutoModel", pretrained, architecture, sizes, PART)
        network.pooler = None  # a layer over [CLS] alone, trained for another task
        super().__init__(network, steps, pretrained, pooling)
        adapt(self.network, frozen, lora_rank, layer_decay, PART)
