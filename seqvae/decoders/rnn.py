"""Autoregressive recurrent decoder: p(x_t | x_<t, z) from recurrent cells that read the latent.

Injection of the latent (Bowman et al. 2016, arXiv 1511.06349; He et al. 2019, arXiv 1901.05534):

- `initial_state`: c_0 = W z, h_0 = tanh(c_0), for every layer (a GRU has h_0 = tanh(W z) alone);
- `tanh_state`: instead, tanh(W z) for every part of the state (sketch-rnn; Ha & Eck 2017, arXiv 1704.03477);
- `input`: z beside the embedding of the previous step, at every step;
- `skip`: z beside what every layer reads, at every step, and W z added to the output (skip-VAE; Dieng et al. 2019, arXiv
1807.04863).

z as initial state alone collapses more readily than z at each step; both is the default. With no injection at all the decoder is an
unconditional model of the sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.cells.recurrence import Told
from seqvae.decoders.decoder import Decoder
from seqvae.errors import ConfigError
from seqvae.networks.injection import ONE_OR_SEVERAL
from seqvae.registry import Part, register
from seqvae.steps import StepEmbedding, StepSpec, WordDropout

Injection = Literal["initial_state", "tanh_state", "input", "skip"]
Injections = Annotated[tuple[Injection, ...], ONE_OR_SEVERAL]
State = tuple[Tensor, ...]


@dataclass(frozen=True)
class RnnState:
    """Where a row stands: the latent `[R,K]` that it is told, and each layer's recurrent state, tensors `[R,H]`."""

    told: Told
    recurrent: tuple[State, ...]

    def select(self, index: Tensor) -> RnnState:
        """The rows `index [R']`."""
        return RnnState(self.told.select(index), tuple(tuple(part[index] for part in layer) for layer in self.recurrent))


@register("decoder", "rnn")
class RnnDecoder(Decoder[RnnState]):
    """Recurrent cells over the previous steps, told the latent.

    Args:
        steps: what a step is.
        event_shape: shape of one latent; flattened to K numbers.
        cell: `lstm`, `gru`, `layer_norm_lstm` or `hyper_lstm`, or a mapping with its own keys.
        embedding: width of the token embedding.
        hidden: units H.
        layers: stacked layers.
        injection: `initial_state` or `tanh_state`, `input` or `skip`, or several of them; `[]` ignores the latent.
        dropout: on the inputs, between layers and on the outputs.
        word_dropout: share of previous tokens replaced by `<unk>` while training (tokens only).

    Raises:
        ConfigError: two initial states.
    """

    def __init__(
        self,
        steps: StepSpec,
        event_shape: torch.Size,
        *,
        cell: Annotated[Mapping[str, Any] | str, Part("cell", late=True)] = "lstm",
        embedding: PositiveInt = 256,
        hidden: PositiveInt = 256,
        layers: PositiveInt = 1,
        injection: Injections = ("initial_state", "input"),
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        super().__init__()
        if {"initial_state", "tanh_state"} <= set(injection):
            raise ConfigError("injection: initial_state and tanh_state are two ways to start; give one of them")
        self.steps = steps
        self.width = hidden
        self.word_dropout = WordDropout(steps, word_dropout)
        self.embedding = StepEmbedding(steps, embedding)
        self.dropout = nn.Dropout(dropout)
        self.injection = injection
        latent = event_shape.numel()
        self.told = ["skip" in injection or (number == 0 and "input" in injection) for number in range(layers)]
        self.initial_state: nn.Linear | None = None
        if "initial_state" in injection:
            self.initial_state = nn.Linear(latent, layers * hidden)
        widths = [self.embedding.width, *[hidden] * (layers - 1)]
        widths = [width + latent * told for width, told in zip(widths, self.told, strict=True)]
        self.layers = nn.ModuleList([registry.build("cell", cell, width, hidden) for width in widths])
        self.skip = nn.Linear(latent, hidden, bias=False) if "skip" in injection else None
        if "tanh_state" in injection:
            self.initial_state = nn.Linear(latent, sum(sum(self._widths(layer)) for layer in self.layers))

    def forward(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        """Teacher forcing, see `Decoder.forward`."""
        return self.dropout(super().forward(z, batch))

    def embed_previous(self, batch: SequenceBatch) -> Tensor:
        """The vectors `[B,T,E]` of the previous steps, both dropouts done."""
        return self.dropout(super().embed_previous(batch))

    def start(self, z: Tensor) -> RnnState:
        """The state before the first step, for latents `[R,*event]`."""
        z = z.flatten(1)
        if self.initial_state is not None and "tanh_state" in self.injection:
            parts = torch.tanh(self.initial_state(z)).split([width for layer in self.layers for width in self._widths(layer)], -1)
            remaining = iter(parts)
            return RnnState(Told(z), tuple(tuple(next(remaining) for _ in self._widths(layer)) for layer in self.layers))
        count = len(self.layers)
        memory = z.new_zeros(len(z), count * self.width) if self.initial_state is None else self.initial_state(z)
        memories = memory.chunk(count, dim=-1)
        return RnnState(Told(z), tuple(layer.start(part) for layer, part in zip(self.layers, memories, strict=True)))  # type: ignore[operator]

    def run(self, embedded: Tensor, state: RnnState) -> tuple[Tensor, RnnState]:
        """Steps `[R,T,E]` through the layers from a state: features `[R,T,H]`, and the state after."""
        features, after = embedded, []
        for number, (layer, before) in enumerate(zip(self.layers, state.recurrent, strict=True)):
            told = state.told if self.told[number] else None
            features, ended = layer(self.dropout(features) if number else features, before, told)
            after.append(ended)
        if self.skip is not None:
            features = features + state.told.product(self.skip.weight).unsqueeze(1)
        return features, RnnState(state.told, tuple(after))

    def _widths(self, layer: nn.Module) -> tuple[int, ...]:
        return layer.widths  # type: ignore[return-value]
