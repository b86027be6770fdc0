"""The decoder's likelihood of its own decode: where the greedy decode of a latent is improbable, the decoder is out of its depth.

    penalty(z) = weight * relu(-log p(x^|z) - tolerance * (-log p(x^_0|z_0))),   x^ the greedy decode of z, renewed every few steps

after the decoder-density penalties of Notin et al. 2021 (arXiv 2107.00096) and LES (2025). The decode at the start, z_0, sets what
counts as usual, row by row; each row is decoded, and judged, as of its start's class. The only guard whose gradient goes through
the decoder, under teacher forcing, and so the dearest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.encoding import as_batch
from seqvae.explore.guards.guard import Guard
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy
from seqvae.registry import register

if TYPE_CHECKING:
    from seqvae.explore.goal import Goal
    from seqvae.explore.starts import Starts
    from seqvae.vae import SeqVAE


@register("guard", "likelihood")
class DecoderLikelihood(Guard):
    """A penalty on nats beyond what the start's own decode costs.

    Args:
        weight: standard deviations of the property a nat.
        tolerance: times the start's nats that are free.
        every: steps between decodes.
    """

    def __init__(self, *, weight: PositiveFloat = 0.1, tolerance: PositiveFloat = 1.5, every: PositiveInt = 10) -> None:
        self.weight, self.tolerance, self.every = weight, tolerance, every

    def begin(self, vae: SeqVAE, goal: Goal, starts: Starts) -> None:
        self.vae, self.labels, self.step = vae, starts.told, 0
        self.decoded = self._decode(starts.z)
        with torch.no_grad():
            self.usual = self._nats(starts.z)

    def penalty(self, z: Tensor) -> Tensor:
        if self.step % self.every == 0:
            self.decoded = self._decode(z.detach())
        self.step += 1
        return self.weight * torch.relu(self._nats(z) - self.tolerance * self.usual)

    def _decode(self, z: Tensor) -> SequenceBatch:
        vae = self.vae
        written = generate(vae.model, z, Greedy(), vae.max_length, constraint=vae.constraint(), labels=self.labels)
        return replace(as_batch(written, vae.codec.spec), labels=self.labels).to(z.device)

    def _nats(self, z: Tensor) -> Tensor:
        """-log p(x^|z), `[N]` nats per sequence."""
        return -self.vae.model.log_likelihood(z[None], self.decoded)[0]
