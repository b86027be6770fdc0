"""How much of a trained network moves: all of it, less the deeper it lies, adapters beside it, or nothing.

- frozen: no weight of the network moves;
- low-rank adapters (LoRA; Hu et al. 2021, arXiv 2106.09685): W x + (alpha/r) B A x, W frozen, through the `peft` library;
- layer-wise learning rates (ULMFiT; Howard & Ruder 2018, arXiv 1801.06146): layer l of L learns at decay^(L-l) of the rate, the
  embeddings at decay^(L+1).
"""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from seqvae.errors import ConfigError
from seqvae.learning_rates import set_rate_scale

LAYER = re.compile(r"(?:^|\.)(?:layer|layers|h|block|blocks)\.(\d+)\.(?:(\d+)\.)?")


def adapt(network: Any, frozen: bool, lora_rank: int, layer_decay: float, part: str) -> None:
    """Set what of `network` is trained, and how fast.

    Args:
        network: changed in place.
        frozen: nothing of it.
        lora_rank: r of the adapters beside every linear layer; 0 is none. With adapters the network itself is frozen.
        layer_decay: learning rate of a layer over that of the layer above it.
        part: its path in the recipe, for messages.

    Raises:
        ConfigError: adapters without the `peft` library.
    """
    if frozen or lora_rank:
        network.requires_grad_(False)
    if lora_rank:
        _add_adapters(network, lora_rank, part)
    if layer_decay < 1:
        _scale_rates(network, layer_decay)


def _add_adapters(network: nn.Module, rank: int, part: str) -> None:
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ConfigError(f"{part}.lora_rank={rank} needs the peft library: pip install 'seqvae[lora]'") from None
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"), network)


def _scale_rates(network: nn.Module, decay: float) -> None:
    """The last layer and what follows it learn at the full rate."""
    depths = {name: _depth(name) for name, _ in network.named_parameters()}
    layers = [depth for depth in depths.values() if depth is not None]
    last = max(layers, default=(0, 0))
    order = {depth: number for number, depth in enumerate(sorted({*layers, last}))}
    seen = False
    for name, parameter in network.named_parameters():
        depth = depths[name]
        seen = seen or depth is not None
        below = len(order) - 1 - order[depth] if depth is not None else 0 if seen else len(order)
        set_rate_scale(parameter, decay**below)


def _depth(name: str) -> tuple[int, int] | None:
    """Which layer a weight belongs to, `(block, layer)`; None for embeddings and what follows the last layer."""
    found = LAYER.search(name)
    return None if found is None else (int(found[1]), int(found[2] or 0))
