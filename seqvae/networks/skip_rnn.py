"""A recurrent network that is told the latent again in every layer and at its output (skip-VAE; Dieng et al. 2019, arXiv
1807.04863).

    h^l_t = RNN^l([h^(l-1)_t; z], h^l_(t-1))        features_t = h^L_t + W z

The shorter way from the latent to the prediction makes it harder to ignore. Called as torch's LSTM and GRU are, with the latent in
the last columns of the inputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SkipRnn(nn.Module):
    """Layers of `cell`, each reading the latent beside the layer below.

    Args:
        cell: `nn.LSTM` or `nn.GRU`.
        width: columns of the inputs, the latent's among them.
        latent: columns K of the latent, the last of the inputs.
        hidden: units H.
        num_layers: stacked layers.
        dropout: between layers.
    """

    def __init__(
        self, cell: type[nn.LSTM] | type[nn.GRU], width: int, latent: int, hidden: int, num_layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.latent, self.num_layers = latent, num_layers
        widths = [width, *[hidden + latent] * (num_layers - 1)]
        self.layers = nn.ModuleList([cell(inputs, hidden, batch_first=True) for inputs in widths])
        self.output = nn.Linear(latent, hidden, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, state: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        """Inputs `[R,T,width]` and the state before, `[L,R,H]` (an LSTM has two), to features `[R,T,H]` and the state after."""
        z = inputs[..., -self.latent :]
        parts = state if isinstance(state, tuple) else (state,)
        features, after = inputs, []
        for number, layer in enumerate(self.layers):
            if number:
                features = torch.cat([self.dropout(features), z], dim=-1)
            before = tuple(part[number : number + 1].contiguous() for part in parts)
            features, ended = layer(features, before if isinstance(state, tuple) else before[0])
            after.append(ended if isinstance(ended, tuple) else (ended,))
        joined = tuple(torch.cat(part) for part in zip(*after, strict=True))
        return features + self.output(z), joined if isinstance(state, tuple) else joined[0]
