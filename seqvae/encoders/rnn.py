"""Recurrent encoder: embed, run a recurrent cell over the sequence, pool over time.

Pooling over all states (max or mean) spreads the features and eases posterior collapse at no cost (Long et al. 2019,
arXiv 1911.03976); `last` is the classic choice (Bowman et al. 2016, arXiv 1511.06349).

Padding never leaks in: batches are padded on the right, so a forward state at a real step has seen real steps alone; the backward
direction runs over each sequence turned around within its own length; pooling reads real steps only. This gives the function of a
packed bidirectional RNN, several times faster under bf16 autocast on CPUs, where packing falls back to slow kernels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.networks.pooling import max_pool, mean_pool
from seqvae.registry import Part, register
from seqvae.steps import StepEmbedding, StepSpec

POOLINGS = {"mean": mean_pool, "max": max_pool}


@register("encoder", "rnn")
class RnnEncoder(nn.Module):
    """A recurrent cell over the steps, pooled to `[B,width]` with `width = hidden * directions`.

    Args:
        steps: what a step is.
        cell: `lstm`, `gru`, `layer_norm_lstm` or `hyper_lstm`, or a mapping with its own keys.
        embedding: width of the token embedding.
        hidden: units per direction.
        layers: stacked layers.
        bidirectional: also read each sequence backwards.
        pooling: `last` (the state after the last real step, of each direction), `mean` or `max` over real steps.
        dropout: on the embeddings and between layers.
    """

    def __init__(
        self,
        steps: StepSpec,
        *,
        cell: Annotated[Mapping[str, Any] | str, Part("cell", late=True)] = "lstm",
        embedding: PositiveInt = 256,
        hidden: PositiveInt = 256,
        layers: PositiveInt = 1,
        bidirectional: bool = True,
        pooling: Literal["last", "mean", "max"] = "max",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = StepEmbedding(steps, embedding)
        self.directions = 2 if bidirectional else 1
        self.hidden, self.width = hidden, hidden * self.directions
        self.pooling = pooling
        self.dropout = nn.Dropout(dropout)
        widths = [self.embedding.width] + [self.width] * (layers - 1)
        self.layers = nn.ModuleList(
            nn.ModuleList(registry.build("cell", cell, width, hidden) for _ in range(self.directions)) for width in widths
        )

    def forward(self, batch: SequenceBatch) -> Tensor:
        """Features `[B,width]` of what the encoder reads of the batch."""
        batch = batch.encoder_view
        states = self.embedding(batch.inputs)  # [B,T,E]
        turn = batch.reversed_index()  # [B,T]
        for layer in self.layers:
            states = self._run(layer, self.dropout(states), turn)  # [B,T,directions*hidden]
        return self._pool(states, batch)

    def _run(self, directions: nn.Module, inputs: Tensor, turn: Tensor) -> Tensor:
        rows = torch.arange(turn.shape[0], device=turn.device).unsqueeze(1)  # [B,1]
        outputs = []
        for backward, cell in enumerate(directions.children()):
            start = cell.start(inputs.new_zeros(len(inputs), self.hidden))  # type: ignore[operator]
            states, _ = cell(inputs[rows, turn] if backward else inputs, start)
            outputs.append(states[rows, turn] if backward else states)
        return torch.cat(outputs, dim=-1)

    def _pool(self, states: Tensor, batch: SequenceBatch) -> Tensor:
        if self.pooling in POOLINGS:
            return POOLINGS[self.pooling](states, batch.mask)
        last = (batch.lengths - 1)[:, None, None].expand(-1, 1, states.shape[-1])
        ends = states.gather(1, last).squeeze(1)  # [B,width]: forward half is right, backward half ends at step 0
        if self.directions == 1:
            return ends
        return torch.cat([ends[:, : self.hidden], states[:, 0, self.hidden :]], dim=-1)
