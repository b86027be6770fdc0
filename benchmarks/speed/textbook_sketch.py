"""The baseline: sketch-rnn as its public ports write it, in plain PyTorch.

Everything in float32; every sketch padded to the longest of the data set; cells stepped in a Python loop, input, latent and state
side by side in one product a step; the mixture's density in linear space with 1e-6 inside the logarithm; sketches sampled
one at a time, each to the full length and cut after.

It runs on **our weights**: a `TextbookSketch` wraps one of our models and computes the same function the textbook's way, so that
sizes are the same by construction, and so must the loss be.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae.batch import SequenceBatch
from seqvae.cells.hyper_lstm import HyperLstm
from seqvae.cells.layer_norm_lstm import LayerNormLstm
from seqvae.cells.lstm import Lstm

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]


def normalise(x: Tensor, gain: Tensor, bias: Tensor, groups: int) -> Tensor:
    """Layer normalisation in `groups` groups of columns, written out."""
    parts = x.unflatten(-1, (groups, -1))
    mean = parts.mean(-1, keepdim=True)
    variance = (parts - mean).square().mean(-1, keepdim=True)
    return gain * ((parts - mean) * torch.rsqrt(variance + 1e-3)).flatten(-2) + bias


def write(gates: Tensor, cell: Tensor, dropout: float) -> tuple[Tensor, Tensor]:
    """The new memory and the opened output gate."""
    i, f, g, o = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * functional.dropout(torch.tanh(g), dropout)
    return cell, torch.sigmoid(o)


def lstm(cell: Lstm, dropout: float) -> Step:
    """One step of an LSTM."""
    weight_x, weight_h, bias_x, bias_h = cell.rnn.all_weights[0]
    weight, bias = torch.cat([weight_x, weight_h], dim=1), bias_x + bias_h

    def step(x: Tensor, state: State) -> State:
        h, c = state
        c, opened = write(functional.linear(torch.cat([x, h], dim=-1), weight, bias), c, dropout)
        return opened * torch.tanh(c), c

    return step


def layer_norm_lstm(cell: LayerNormLstm, dropout: float, further: Tensor | None = None) -> Step:
    """One step of a LayerNorm-LSTM; `further` columns of the weight read what stands beside x."""
    weight = torch.cat([cell.input_weight, *([] if further is None else [further]), cell.recurrent_weight], dim=1)

    def step(x: Tensor, state: State) -> State:
        h, c = state
        return normalised_write(cell, functional.linear(torch.cat([x, h], dim=-1), weight), c, dropout)

    return step


def normalised_write(cell: LayerNormLstm, gates: Tensor, c: Tensor, dropout: float) -> State:
    """h and c from gates before normalisation."""
    c, opened = write(normalise(gates, cell.normalise_gates.gain, cell.normalise_gates.bias, 4), c, dropout)
    return opened * torch.tanh(normalise(c, cell.normalise_memory.weight, cell.normalise_memory.bias, 1)), c


def hyper_lstm(cell: HyperLstm, dropout: float) -> Step:
    """One step of a HyperLSTM, each of the twelve scales and shifts by itself."""
    small_step = layer_norm_lstm(cell.small, 0.0, cell.hidden_to_small)
    modulation = cell.modulation
    narrow, biases = modulation.narrow.chunk(12), modulation.narrow_bias.chunk(8)

    def vector(e: Tensor, k: int) -> Tensor:
        return functional.linear(e, narrow[k], biases[k] if k < 8 else None) @ modulation.widen[k]

    def step(x: Tensor, state: State) -> State:
        h, c, e, e_memory = state
        e, e_memory = small_step(torch.cat([x, h], dim=-1), (e, e_memory))
        from_x = functional.linear(x, cell.large.input_weight).chunk(4, dim=-1)
        from_h = functional.linear(h, cell.large.recurrent_weight).chunk(4, dim=-1)
        gates = [vector(e, k) * from_x[k] + vector(e, 4 + k) * from_h[k] + vector(e, 8 + k) for k in range(4)]
        h, c = normalised_write(cell.large, torch.cat(gates, dim=-1) + cell.bias, c, dropout)
        return h, c, e, e_memory

    return step


STEPS: dict[type, Callable[[Any, float], Step]] = {Lstm: lstm, LayerNormLstm: layer_norm_lstm, HyperLstm: hyper_lstm}


class TextbookSketch(nn.Module):
    """One of our sketch-rnn models, computed the textbook's way.

    Args:
        model: with one-layer recurrent encoder and decoder; its weights are used, not copied.
        longest: what every sketch is padded to.
        dropout: recurrent, while training.
    """

    def __init__(self, model: Any, longest: int, dropout: float) -> None:
        super().__init__()
        self.model, self.longest, self.dropout = model, longest, dropout
        self.epsilon = 1e-6

    def loss(self, batch: SequenceBatch, noise: Tensor) -> Tensor:
        """-ELBO `[B]`, nats per sketch, at the latents mean + deviation * `noise [B,K]`."""
        inputs = functional.pad(batch.inputs, (0, 0, 0, self.longest - batch.inputs.shape[1]))
        mean, log_variance = self.model.posterior.moments(self.encode(inputs, batch.lengths)).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * log_variance) * noise
        rate = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
        return rate - self.log_likelihood(self.decode(inputs, z), inputs, batch.lengths)

    def encode(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """The last states of both directions, `[B,2H]`."""
        places = torch.arange(self.longest)
        turn = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
        ends = []
        for cell, read in zip(
            self.model.encoder.layers[0], (inputs, inputs.gather(1, turn[..., None].expand_as(inputs))), strict=True
        ):
            states = self.run(cell, read, cell.start(inputs.new_zeros(len(inputs), cell.widths[0])))
            ends.append(states[torch.arange(len(inputs)), lengths - 1])
        return torch.cat(ends, dim=-1)

    def decode(self, inputs: Tensor, z: Tensor) -> Tensor:
        """Features `[B,T,H]`."""
        start = self.model.decoder.steps.start_step(len(inputs)).unsqueeze(1)
        previous = torch.cat([start, inputs[:, :-1]], dim=1)
        told = torch.cat([previous, z.unsqueeze(1).expand(-1, self.longest, -1)], dim=-1)
        return self.run(self.model.decoder.layers[0], told, self.first_state(z))

    def first_state(self, z: Tensor) -> State:
        """tanh(W z) for every part of the state."""
        return torch.tanh(self.model.decoder.initial_state(z)).split(self.model.decoder.layers[0].widths, dim=-1)

    def run(self, cell: nn.Module, inputs: Tensor, state: State) -> Tensor:
        """The cell over the longest sketch, step by step: `[B,T,H]`."""
        step, outputs = STEPS[type(cell)](cell, self.dropout if self.training else 0.0), []
        for t in range(self.longest):
            state = step(inputs[:, t], state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1)

    def log_likelihood(self, features: Tensor, inputs: Tensor, lengths: Tensor) -> Tensor:
        """log p(x|z) `[B]`, densities in linear space."""
        pen, weight, mean_x, mean_y, scale_x, scale_y, rho = self.parameters_of(features)
        x, y = ((inputs[..., k : k + 1] - mean) / scale for k, (mean, scale) in enumerate([(mean_x, scale_x), (mean_y, scale_y)]))
        left = 1 - rho**2
        density = torch.exp(-(x**2 + y**2 - 2 * rho * x * y) / (2 * left)) / (2 * math.pi * scale_x * scale_y * left.sqrt())
        offset = torch.log((weight * density).sum(-1) + self.epsilon) * (1 - inputs[..., 4])
        scores = offset + (torch.log_softmax(pen, dim=-1) * inputs[..., 2:]).sum(-1)
        return (scores * (torch.arange(self.longest) < lengths[:, None])).sum(-1)

    def parameters_of(self, features: Tensor) -> tuple[Tensor, ...]:
        """Pen logits, component weights, means, scales and correlation, with our likelihood's floor and limit."""
        likelihood = self.model.likelihood
        count = likelihood.components
        pen, weight, *rest = likelihood.project(features).split([3, *[count] * 6], dim=-1)
        mean_x, mean_y, scale_x, scale_y, rho = rest
        scales = [torch.sqrt(torch.exp(2 * raw) + likelihood.scale_floor**2) for raw in (scale_x, scale_y)]
        return pen, torch.softmax(weight, dim=-1), mean_x, mean_y, *scales, likelihood.correlation_limit * torch.tanh(rho)

    @torch.no_grad()
    def sample(self) -> int:
        """One sketch from the prior; its points. As the published code, which draws on to the longest and cuts at the end after."""
        decoder = self.model.decoder
        z = torch.randn(1, self.model.event_shape.numel())
        step, state = STEPS[type(decoder.layers[0])](decoder.layers[0], 0.0), self.first_state(z)
        stroke = decoder.steps.start_step(1)
        points = None
        for t in range(1, self.longest + 1):
            state = step(torch.cat([stroke, z], dim=-1), state)
            pen, weight, mean_x, mean_y, scale_x, scale_y, rho = (part[0] for part in self.parameters_of(state[0]))
            k, state_of_pen = int(torch.multinomial(weight, 1)), int(torch.multinomial(torch.softmax(pen, dim=-1), 1))
            along, across = torch.randn(2).tolist()
            x = mean_x[k] + scale_x[k] * along
            y = mean_y[k] + scale_y[k] * (rho[k] * along + math.sqrt(1 - rho[k] ** 2) * across)
            stroke = torch.zeros(1, 5)
            stroke[0, 0], stroke[0, 1], stroke[0, 2 + state_of_pen] = x, y, 1.0
            if state_of_pen == 2 and points is None:
                points = t
        return points or self.longest
