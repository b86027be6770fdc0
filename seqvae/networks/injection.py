"""How a latent enters a decoder made of attention (Optimus; Li et al. 2020, arXiv 2004.04092).

- `memory`: m_l = W_l z, one vector a layer, which every position attends as one more key **and** value (the same vector);
- `embedding`: W z, added to the embedding of every previous step.

Both is the default, as in Optimus. A zero memory slot is not nothing: it still takes its share of the softmax, 1 / (1 + sum exp).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from seqvae.networks.attention import KeyValue, select_rows

ONE_OR_SEVERAL = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)  # a bare name is a list of one
Injection = Literal["memory", "embedding"]
Injections = Annotated[tuple[Injection, ...], ONE_OR_SEVERAL, Field(min_length=1)]


@dataclass(frozen=True)
class AttentionState:
    """Where the rows of a decoder stand.

    layers: keys and values `[R,heads,P,d]` of each layer: the memory slot, if any, then the steps so far.
    shift: `[R,width]`, added to the embedding of every step; zero where the latent does not enter that way.
    memory: how many of the P are no steps.
    """

    layers: tuple[KeyValue, ...]
    shift: Tensor
    memory: int = 0

    @property
    def position(self) -> int:
        """How many steps were read."""
        return self.layers[0][0].shape[2] - self.memory

    def select(self, index: Tensor) -> AttentionState:
        """The rows `index [R']`."""
        return AttentionState(select_rows(self.layers, index), self.shift[index], self.memory)


class LatentInjection(nn.Module):
    """A latent to the state before the first step.

    Args:
        latent: numbers of one latent.
        injections: `memory`, `embedding`, or both.
        width: of the embeddings.
        layers, heads, head_width: of the attention's keys and values.
    """

    def __init__(
        self, latent: int, injections: tuple[Injection, ...], width: int, layers: int, heads: int, head_width: int
    ) -> None:
        super().__init__()
        self.shape = (layers, heads, 1, head_width)
        self.width = width
        self.memory = nn.Linear(latent, layers * heads * head_width, bias=False) if "memory" in injections else None
        self.embedding = nn.Linear(latent, width, bias=False) if "embedding" in injections else None

    def forward(self, z: Tensor) -> AttentionState:
        """The state that latents `[R,*event]` begin with."""
        z = z.flatten(1)
        shift = z.new_zeros(len(z), self.width) if self.embedding is None else self.embedding(z)
        if self.memory is None:
            layers, heads, _, head_width = self.shape
            nothing = z.new_zeros(len(z), heads, 0, head_width)
            return AttentionState(((nothing, nothing),) * layers, shift)
        slots = self.memory(z).unflatten(-1, self.shape).unbind(1)  # [R,heads,1,d] a layer
        return AttentionState(tuple((slot, slot) for slot in slots), shift, memory=1)
