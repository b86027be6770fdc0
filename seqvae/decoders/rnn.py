"""Autoregressive recurrent decoder: p(x_t | x_<t, z) from an LSTM or GRU that reads the latent.

Injection of the latent (Bowman et al. 2016, arXiv 1511.06349; He et al. 2019, arXiv 1901.05534):

- `initial_state`: c_0 = W z, h_0 = tanh(c_0), for every layer (a GRU has h_0 = tanh(W z) alone);
- `input`: z beside the embedding of the previous step, at every step.

z as initial state alone collapses more readily than z at each step; both is the default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import BeforeValidator, Field, PositiveInt
from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.registry import register
from seqvae.steps import StepEmbedding, StepSpec, WordDropout

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}
Injection = Literal["initial_state", "input"]
Injections = Annotated[
    tuple[Injection, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    Field(min_length=1),
]


@dataclass(frozen=True)
class RnnState:
    """Where a row stands: the latent `[R,K]` that it is told, and the recurrent state, one or two tensors `[L,R,H]`."""

    z: Tensor
    recurrent: tuple[Tensor, ...]


@register("decoder", "rnn")
class RnnDecoder(nn.Module):
    """LSTM or GRU over the previous steps, told the latent.

    Args:
        steps: what a step is.
        event_shape: shape of one latent; flattened to K numbers.
        cell: `lstm` or `gru`.
        embedding: width of the token embedding.
        hidden: units H.
        layers: stacked layers.
        injection: `initial_state`, `input`, or both.
        dropout: on the inputs, between layers and on the outputs.
        word_dropout: share of previous tokens replaced by `<unk>` while training (tokens only).
    """

    def __init__(
        self,
        steps: StepSpec,
        event_shape: torch.Size,
        *,
        cell: Literal["lstm", "gru"] = "lstm",
        embedding: PositiveInt = 256,
        hidden: PositiveInt = 256,
        layers: PositiveInt = 1,
        injection: Injections = ("initial_state", "input"),
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        word_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.width = hidden
        self.word_dropout = WordDropout(steps, word_dropout)
        self.embedding = StepEmbedding(steps, embedding)
        latent = event_shape.numel()
        self.reads_latent = "input" in injection
        self.lstm = cell == "lstm"
        self.initial_state = nn.Linear(latent, layers * hidden) if "initial_state" in injection else None
        input_width = self.embedding.width + (latent if self.reads_latent else 0)
        between = dropout if layers > 1 else 0.0  # torch warns about dropout between the layers of one
        self.rnn = CELLS[cell](input_width, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)

    def forward(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        """Teacher forcing: features `[S,B,T,H]` from which the likelihood predicts step t at position t.

        Args:
            z: `[S,B,*event]`.
            batch: `inputs [B,T]` or `[B,T,W]`.
        """
        samples, rows = z.shape[:2]
        previous = self.word_dropout(self.steps.shift_right(batch.inputs))
        embedded = self.dropout(self.embedding(previous))  # [B,T,E]
        embedded = embedded.expand(samples, *embedded.shape).flatten(0, 1)  # [S*B,T,E]
        features, _ = self._run(embedded, self.start(z.flatten(0, 1)))
        return self.dropout(features).unflatten(0, (samples, rows))

    def start(self, z: Tensor) -> RnnState:
        """The state before the first step, for latents `[R,*event]`."""
        z = z.flatten(1)
        if self.initial_state is None:
            zero = z.new_zeros(self.rnn.num_layers, z.shape[0], self.width)
            return RnnState(z, (zero, zero) if self.lstm else (zero,))
        cell = self.initial_state(z).unflatten(-1, (self.rnn.num_layers, self.width)).transpose(0, 1).contiguous()  # [L,R,H]
        return RnnState(z, (torch.tanh(cell), cell) if self.lstm else (torch.tanh(cell),))

    def step(self, inputs: Tensor, state: RnnState) -> tuple[Tensor, RnnState]:
        """One step: the previous step `[R]` or `[R,W]` to features `[R,H]` of the next, and the new state."""
        features, state = self._run(self.embedding(inputs).unsqueeze(1), state)
        return features.squeeze(1), state

    def select(self, state: RnnState, index: Tensor) -> RnnState:
        """The rows `index [R']` of a state."""
        return RnnState(state.z[index], tuple(part[:, index] for part in state.recurrent))

    def _run(self, embedded: Tensor, state: RnnState) -> tuple[Tensor, RnnState]:
        """`[R,T,E]` through the RNN from a state: features `[R,T,H]` and the state after."""
        if self.reads_latent:
            told = state.z.unsqueeze(1).expand(-1, embedded.shape[1], -1)
            embedded = torch.cat([embedded, told.to(embedded.dtype)], dim=-1)
        before = tuple(part.to(embedded.dtype) for part in state.recurrent)
        features, after = self.rnn(embedded, before if self.lstm else before[0])
        return features, RnnState(state.z, after if self.lstm else (after,))
