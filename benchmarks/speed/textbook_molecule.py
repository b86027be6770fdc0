"""The baseline: the VAE of MOSES (Polykovskiy et al. 2020, arXiv 1811.12823) as its scripts go about it, in plain PyTorch.

One-way GRU encoder of 256, 128 latent dimensions, three-layer GRU decoder of 512 that is told z at its start and beside each token;
float32; 512 molecules a batch in random order, each string cut into tokens in the step and padded to the longest; sampling 512 at a
time, every row for as many steps as the longest may have.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH = 512
HIDDEN, LATENT, WIDE, LAYERS = 256, 128, 512, 3
PAD, BOS, EOS = 0, 1, 2
TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|%\d\d|.")


class TextbookVae(nn.Module):
    """The model, and its loss on strings."""

    def __init__(self, tokens: list[str]) -> None:
        super().__init__()
        self.ids = {token: number for number, token in enumerate(tokens, start=4)}
        size = 4 + len(tokens)
        self.embedding = nn.Embedding(size, size, padding_idx=PAD)
        self.read = nn.GRU(size, HIDDEN, batch_first=True)
        self.moments = nn.Linear(HIDDEN, 2 * LATENT)
        self.initial = nn.Linear(LATENT, WIDE)
        self.write = nn.GRU(size + LATENT, WIDE, LAYERS, batch_first=True)
        self.output = nn.Linear(WIDE, size)

    def tensors(self, strings: list[str]) -> tuple[Tensor, Tensor]:
        """Token ids `[B,T]` with BOS and EOS, padded, and their lengths."""
        rows = [torch.tensor([BOS, *(self.ids[token] for token in TOKEN.findall(string)), EOS]) for string in strings]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD), torch.tensor([len(row) for row in rows])

    def loss(self, strings: list[str]) -> Tensor:
        """-ELBO of a batch, averaged over molecules."""
        tokens, lengths = self.tensors(strings)
        embedded = self.embedding(tokens)
        packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        mean, log_variance = self.moments(self.read(packed)[1][0]).chunk(2, dim=-1)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        told = torch.cat([embedded, z.unsqueeze(1).expand(-1, tokens.shape[1], -1)], dim=-1)
        packed = nn.utils.rnn.pack_padded_sequence(told, lengths, batch_first=True, enforce_sorted=False)
        states, _ = self.write(packed, self._start(z))
        logits = self.output(nn.utils.rnn.pad_packed_sequence(states, batch_first=True)[0])
        distortion = functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=PAD, reduction="sum"
        )
        rate = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        return (distortion + rate) / len(strings)

    @torch.no_grad()
    def sample(self, count: int, longest: int) -> list[list[int]]:
        """Token ids from the prior."""
        z = torch.randn(count, LATENT)
        state, step = self._start(z), torch.full((count,), BOS)
        written = []
        for _ in range(longest):
            told = torch.cat([self.embedding(step), z], dim=-1).unsqueeze(1)
            features, state = self.write(told, state)
            logits = self.output(features[:, 0])
            logits[:, :2] = -torch.inf
            step = torch.multinomial(torch.softmax(logits, dim=-1), 1)[:, 0]
            written.append(step)
        rows = torch.stack(written, dim=1).tolist()
        return [row[: row.index(EOS) + 1] if EOS in row else row for row in rows]

    def _start(self, z: Tensor) -> Tensor:
        return self.initial(z).unsqueeze(0).repeat(LAYERS, 1, 1)


def train(model: TextbookVae, batches: list[list[str]], optimizer: torch.optim.Optimizer, clip: float) -> None:
    """One pass over batches of strings."""
    model.train()
    for strings in batches:
        optimizer.zero_grad()
        model.loss(strings).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
