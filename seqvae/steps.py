"""What one time step is, and how it enters a network.

A step is a token out of a vocabulary, or a real vector (a pen movement). Encoders and decoders read steps through
`StepEmbedding` and `WordDropout`, and never ask which of the two they have.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class StepSpec:
    """What a codec promises about its steps.

    Attributes:
        size: vocabulary size V for tokens, vector width W otherwise.
        discrete: true for tokens.
        pad, bos, eos, unk: ids of the special tokens (tokens only).
        start: the vector that a decoder reads before the first step (vectors only), W numbers.
        groups: where tokens compete only within groups, the group of each, V numbers: of a grammar's productions only those with
            the same left side can follow at a step. Empty where each token competes with all.
    """

    size: int
    discrete: bool = True
    pad: int = 0
    bos: int = 1
    eos: int = 2
    unk: int = 3
    start: tuple[float, ...] = ()
    groups: tuple[int, ...] = ()

    def start_step(self, rows: int, device: torch.device | str | None = None) -> Tensor:
        """The step a decoder reads first: `[rows]` BOS ids, or `[rows,W]` start vectors."""
        if self.discrete:
            return torch.full((rows,), self.bos, dtype=torch.int64, device=device)
        return torch.tensor(self.start, device=device).expand(rows, self.size)

    def shift_right(self, inputs: Tensor) -> Tensor:
        """Teacher forcing: step t of the result is step t-1 of `inputs`, and the start step comes first. Same shape."""
        start = self.start_step(inputs.shape[0], inputs.device).to(inputs.dtype).unsqueeze(1)
        return torch.cat([start, inputs[:, :-1]], dim=1)


class StepEmbedding(nn.Module):
    """Steps `[...]` int64 or `[...,W]` float to vectors `[...,width]`.

    Tokens are looked up; real vectors enter as they are (`width` is then W), which is what sketch-rnn does.

    Args:
        spec: what a step is.
        width: of a token's vector.
        table: of a network that has one already; a new one is drawn if there is none.
    """

    def __init__(self, spec: StepSpec, width: int, table: nn.Embedding | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.width = width if spec.discrete else spec.size
        self.table = table
        if spec.discrete and self.table is None:
            self.table = nn.Embedding(spec.size, width)
            nn.init.uniform_(self.table.weight, -0.1, 0.1)  # He et al. 2019: embeddings +-0.1

    def forward(self, steps: Tensor) -> Tensor:
        """Vectors `[...,width]` of steps `[...]` or `[...,W]`."""
        return steps if self.table is None else self.table(steps)

    def entrance(self, width: int) -> nn.Module:
        """What brings the vectors to a network of another width: nothing where they have it, else a linear layer."""
        return nn.Identity() if self.width == width else nn.Linear(self.width, width)


class WordDropout(nn.Module):
    """Replace previous tokens by `<unk>` while training (Bowman et al. 2016, arXiv 1511.06349): a decoder that cannot rely on its
    own memory of the sentence has to ask the latent. Vectors are left alone.

    Args:
        spec: what a step is.
        share: of the tokens that go, 0 to 1.
    """

    def __init__(self, spec: StepSpec, share: float) -> None:
        super().__init__()
        self.spec, self.share = spec, share

    def forward(self, previous: Tensor) -> Tensor:
        """Previous steps `[B,T]` or `[B,T,W]`, the start first; the start is no word and stays."""
        if not self.training or self.share == 0 or not self.spec.discrete:
            return previous
        dropped = torch.rand(previous.shape, device=previous.device) < self.share
        dropped[:, 0] = False
        return previous.masked_fill(dropped, self.spec.unk)
