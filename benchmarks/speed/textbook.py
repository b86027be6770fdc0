"""The baseline: an LSTM-VAE of sentences as the published scripts write it, in plain PyTorch.

The architecture of He et al. 2019 (arXiv 1901.05534): a one-way LSTM whose last state gives mean and log variance; a decoder LSTM
that is told z at its start (c = W z, h = tanh c) and beside every word; a softmax over the vocabulary. Everything in float32,
eager, through `nn.LSTM`, `nn.Linear` and `cross_entropy`; 32 sentences a batch, all of one length, so that no mask is needed;
evaluation one sentence at a time with the importance samples in chunks of 100; generation one sentence at a time.

Same sizes, same words, same loss as the model it is compared with; `tie` makes the weights the same too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from seqvae.data.store import SequenceStore
from seqvae.model import SequenceModel

BATCH = 32
CHUNK = 100
BOS, EOS = 1, 2


class TextbookVae(nn.Module):
    """The model, and its loss on sentences of one length."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, latent: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        self.latent = latent
        self.read_word = nn.Embedding(vocabulary, embedding)
        self.read = nn.LSTM(embedding, hidden, batch_first=True)
        self.moments = nn.Linear(hidden, 2 * latent)
        self.write_word = nn.Embedding(vocabulary, embedding)
        self.initial = nn.Linear(latent, hidden)
        self.write = nn.LSTM(embedding + latent, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, vocabulary)

    def infer(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance `[B,K]` of sentences `[B,T]`."""
        _, (last, _) = self.read(self.read_word(words))
        mean, log_variance = self.moments(last[0]).chunk(2, dim=-1)
        return mean, log_variance

    def distortion(self, words: Tensor, z: Tensor) -> Tensor:
        """-log p(x|z) `[R]` of sentences `[R,T]` at latents `[R,K]`, nats."""
        previous = torch.cat([words.new_full((len(words), 1), BOS), words[:, :-1]], dim=1)
        embedded = self.dropout(self.write_word(previous))
        told = z.unsqueeze(1).expand(-1, words.shape[1], -1)
        cell = self.initial(z).unsqueeze(0)
        states, _ = self.write(torch.cat([embedded, told], dim=-1), (torch.tanh(cell), cell))
        logits = self.output(self.dropout(states))
        losses = functional.cross_entropy(logits.flatten(0, 1), words.flatten(), reduction="none")
        return losses.view(words.shape).sum(-1)

    def loss(self, words: Tensor) -> Tensor:
        """-ELBO `[B]`, nats per sentence."""
        mean, log_variance = self.infer(words)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        rate = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(-1)
        return self.distortion(words, z) + rate

    @torch.no_grad()
    def log_weights(self, words: Tensor, samples: int) -> Tensor:
        """log p(x,z) - log q(z|x) `[S]` of one sentence `[1,T]`, in chunks, each with its own pass of the encoder."""
        return torch.cat([self._chunk(words, min(CHUNK, samples - start)) for start in range(0, samples, CHUNK)])

    def _chunk(self, words: Tensor, samples: int) -> Tensor:
        mean, log_variance = self.infer(words)
        noise = torch.randn(samples, self.latent)
        z = mean + torch.exp(0.5 * log_variance) * noise
        constant = 0.5 * self.latent * math.log(2 * math.pi)
        log_prior = -0.5 * (z**2).sum(-1) - constant
        log_posterior = -0.5 * (noise**2 + log_variance).sum(-1) - constant
        return -self.distortion(words.expand(samples, -1), z) + log_prior - log_posterior

    @torch.no_grad()
    def sample(self, longest: int) -> list[int]:
        """One sentence from the prior, its end included where it is reached."""
        z = torch.randn(1, self.latent)
        cell = self.initial(z).unsqueeze(0)
        state = (torch.tanh(cell), cell)
        word = torch.tensor([[BOS]])
        written: list[int] = []
        while len(written) < longest:
            told = torch.cat([self.write_word(word), z.unsqueeze(1)], dim=-1)
            features, state = self.write(told, state)
            logits = self.output(features[:, 0])
            logits[:, :2] = -torch.inf
            word = torch.multinomial(torch.softmax(logits, dim=-1), 1)
            written.append(int(word))
            if written[-1] == EOS:
                break
        return written


def equal_length_batches(store: SequenceStore, seed: int) -> list[Tensor]:
    """All sentences in batches `[B,T]` of one length, at most 32 a batch, shuffled: how the published scripts go without masks."""
    random = np.random.default_rng(seed)
    batches = []
    for length in np.unique(store.lengths):
        rows = random.permutation(np.flatnonzero(store.lengths == length))
        batches += [store.batch(rows[i : i + BATCH]).inputs for i in range(0, len(rows), BATCH)]
    return [batches[i] for i in random.permutation(len(batches))]


def train(model: TextbookVae, batches: list[Tensor], optimizer: torch.optim.Optimizer, clip: float = 5.0) -> None:
    """One pass over `batches`."""
    model.train()
    for words in batches:
        optimizer.zero_grad()
        loss = model.loss(words).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()


def pairs(textbook: TextbookVae, model: SequenceModel) -> Iterator[tuple[Tensor, Tensor]]:
    """The same weights in both models, textbook first."""
    ours: list[nn.Module] = [
        model.encoder.embedding.table,  # type: ignore[union-attr,list-item]
        model.encoder.layers[0][0].rnn,  # type: ignore[index,union-attr,list-item]
        model.posterior.moments,  # type: ignore[list-item]
        model.decoder.embedding.table,  # type: ignore[union-attr,list-item]
        model.decoder.initial_state,  # type: ignore[list-item]
        model.decoder.layers[0].rnn,  # type: ignore[index,union-attr,list-item]
        model.likelihood,
    ]
    theirs = [
        textbook.read_word,
        textbook.read,
        textbook.moments,
        textbook.write_word,
        textbook.initial,
        textbook.write,
        textbook.output,
    ]
    for left, right in zip(theirs, ours, strict=True):
        named = dict(right.named_parameters())
        yield from ((value.data, named[name].data) for name, value in left.named_parameters())


def tie(textbook: TextbookVae, model: SequenceModel, *, into: str) -> None:
    """Copy the weights of one model into the other: `into` is "textbook" or "ours"."""
    for left, right in pairs(textbook, model):
        target, source = (left, right) if into == "textbook" else (right, left)
        assert target.shape == source.shape
        target.copy_(source)
