"""What all decoders do alike: teacher forcing and generation are one function, over all steps at once or over one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.steps import StepEmbedding, StepSpec, WordDropout


class State(Protocol):
    """Where the rows of a decoder stand."""

    def select(self, index: Tensor) -> Any:
        """The rows `index [R']`."""


AnyState = TypeVar("AnyState", bound=State)


class Decoder(nn.Module, ABC, Generic[AnyState]):
    """A decoder by the state that a latent begins with (`start`) and by what it makes of the steps after a state (`run`).

    Attributes:
        steps: what a step is.
        width: H of the features.
        embedding: of a step.
        word_dropout: on the previous steps, while training.
    """

    steps: StepSpec
    width: int
    embedding: StepEmbedding
    word_dropout: WordDropout

    def forward(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        """Teacher forcing: features `[S,B,T,H]` from which the likelihood predicts step t at position t.

        Args:
            z: `[S,B,*event]`.
            batch: `inputs [B,T]` or `[B,T,W]`.

        Raises:
            DataError: a sequence longer than the decoder has positions.
        """
        samples, rows = z.shape[:2]
        embedded = self.embed_previous(batch)
        embedded = embedded.expand(samples, *embedded.shape).flatten(0, 1)  # [S*B,T,E]
        features, _ = self.run(embedded, self.start(z.flatten(0, 1)))
        return features.unflatten(0, (samples, rows))

    def step(self, inputs: Tensor, state: AnyState) -> tuple[Tensor, AnyState]:
        """One step: the previous step `[R]` or `[R,W]` to features `[R,H]` of the next, and the new state.

        Raises:
            DataError: the decoder has no position left.
        """
        features, state = self.run(self.embedding(inputs).unsqueeze(1), state)
        return features.squeeze(1), state

    def select(self, state: AnyState, index: Tensor) -> AnyState:
        """The rows `index [R']` of a state."""
        chosen: AnyState = state.select(index)
        return chosen

    def embed_previous(self, batch: SequenceBatch) -> Tensor:
        """The vectors `[B,T,E]` of the steps before each of the batch's, word dropout done."""
        embedded: Tensor = self.embedding(self.word_dropout(self.steps.shift_right(batch.inputs)))
        return embedded

    @abstractmethod
    def start(self, z: Tensor) -> AnyState:
        """The state before the first step, for latents `[R,*event]`."""

    @abstractmethod
    def run(self, embedded: Tensor, state: AnyState) -> tuple[Tensor, AnyState]:
        """Steps `[R,T,E]` after those of a state: features `[R,T,H]`, and the state after."""
