"""Networks of the transformers library as parts: by published name or folder, by a written-out configuration, or by size.

A part's weights are saved with the rest of the model, so a saved model must build without the name that its network once came from:
`NetworkPart.standalone` turns the name into the network's own configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from seqvae.errors import ConfigError, DataError
from seqvae.networks.attention import KeyValue
from seqvae.steps import StepEmbedding, StepSpec

ROOM = 3  # tokens that a tokenizer may have beyond its network's: a start, an end, a padding of its own
UNUSED = 0.01  # share of a network's tokens that its tokenizer may lack (T5 has 32,128 rows for 32,100 pieces)
PRIVATE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype", "architectures")


class NetworkPart(nn.Module):
    """A part that is made around a network: its width, its embedding, and how the part is built again.

    Args:
        network: of the transformers library.
        steps: what a step is.
        pretrained: the name that the network came from, or None.
        path: of the part in the recipe, for messages.

    Raises:
        ConfigError: the network does not know the tokenizer's tokens.
    """

    def __init__(self, network: Any, steps: StepSpec, pretrained: str | None, path: str) -> None:
        super().__init__()
        self.network, self.steps = network, steps
        self.width: int = network.config.hidden_size
        self.embedding = adopt_embedding(network, steps, path, pretrained)
        self.enter = self.embedding.entrance(self.width)

    def standalone(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The part's configuration with the network's written out in place of the name that it came from."""
        architecture = {key: value for key, value in self.network.config.to_diff_dict().items() if key not in PRIVATE}
        return {**config, "pretrained": None, "architecture": {"model_type": self.network.config.model_type, **architecture}}


def load_network(auto: str, pretrained: str | None, architecture: Mapping[str, Any] | None, sizes: Any, path: str) -> Any:
    """A network by name or folder, else by its configuration, else of a configuration by size.

    Args:
        auto: the class of the transformers library that loads or builds it, such as `AutoModel`.
        pretrained: a name on the hub, or a folder that `save_pretrained` wrote.
        architecture: a Hugging Face configuration with its `model_type`.
        sizes: a `PretrainedConfig` to fall back on.
        path: of the part in the recipe, for messages.

    Raises:
        ConfigError: no such network, no way to reach it, or a configuration that builds none.
    """
    import transformers

    loader = getattr(transformers, auto)
    if pretrained is not None:
        with reaching(f"{path}.pretrained", pretrained):
            return loader.from_pretrained(pretrained, dtype=torch.float32)
    try:
        config = sizes if architecture is None else transformers.AutoConfig.for_model(**architecture)
        return loader.from_config(config) if hasattr(loader, "from_config") else loader(config)
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path}.architecture: {_first_line(error)}; give a Hugging Face configuration with its model_type"
        ) from error


@contextmanager
def reaching(path: str, name: str) -> Iterator[None]:
    """Turns the library's ways of not finding something into one line that says what to do."""
    from huggingface_hub.errors import HFValidationError

    try:
        yield
    except (OSError, ValueError, HFValidationError) as error:
        raise ConfigError(
            f"{path}={name} cannot be loaded: {_first_line(error)}; give a folder that save_pretrained wrote, or a name on the "
            "Hugging Face hub and a network connection (or a cache that holds it)"
        ) from error


def adopt_embedding(network: Any, steps: StepSpec, part: str, pretrained: str | None) -> StepEmbedding:
    """The network's own token table as the part's embedding, made to fit the tokenizer; for vectors, none, and the network's goes.

    Rows that the tokenizer has beyond the network's (a start, a padding) begin as copies of the end's: GPT-2 knows a start by it.

    Raises:
        ConfigError: the tokenizer is another network's.
    """
    if not steps.discrete:
        network.set_input_embeddings(nn.Identity())
        return StepEmbedding(steps, network.config.hidden_size)
    known = network.get_input_embeddings().weight.shape[0]
    if not (1 - UNUSED) * known <= steps.size <= known + ROOM:
        raise ConfigError(
            f"the tokenizer has {steps.size} tokens and the network of {part} knows {known}; give it its own: "
            f"tokenizer={{kind: pretrained, name: {pretrained or 'NAME'}}}"
        )
    if steps.size != known:
        network.resize_token_embeddings(steps.size, mean_resizing=False)
        table = network.get_input_embeddings().weight
        with torch.no_grad():
            table[known:] = table[steps.eos]
    return StepEmbedding(steps, network.config.hidden_size, network.get_input_embeddings())


def check_start(steps: StepSpec, part: str) -> None:
    """A decoder must have something to read before the first step.

    Raises:
        ConfigError: the tokenizer gives no start.
    """
    if steps.discrete and not 0 <= steps.bos < steps.size:
        raise ConfigError(f"{part} needs a start token, and the tokenizer gives none: bos={steps.bos} of {steps.size} tokens")
    if not steps.discrete and len(steps.start) != steps.size:
        raise ConfigError(f"{part} needs a start step of {steps.size} numbers, and the tokenizer gives {len(steps.start)}")


def check_positions(needed: int, limit: int | None, part: str) -> None:
    """A sequence must fit into a network's positions.

    Raises:
        DataError: it does not.
    """
    if limit is not None and needed > limit:
        raise DataError(
            f"a sequence of {needed} steps, and {part} reads at most {limit}; leave such records out: data.max_length={limit}"
        )


def position_limit(network: Any) -> int | None:
    """Positions that a network has; None where they have no end (T5 and Funnel, which know distances alone)."""
    limit: int | None = getattr(network.config, "max_position_embeddings", None)
    table = getattr(getattr(network, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)  # RoBERTa counts from its padding's id on
    return limit if limit is None or padding is None else limit - padding - 1


def key_values(cache: Any) -> tuple[KeyValue, ...]:
    """What the library's cache holds, a pair a layer."""
    return tuple((layer.keys, layer.values) for layer in cache.layers)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
