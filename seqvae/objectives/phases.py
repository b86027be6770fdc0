"""Training in phases: which side of the model learns when, and which begins anew.

    {kind: phases, phases: [{steps: 2000}, {reset: [decoder]}]}

is the autoencoder that becomes a VAE (Li et al. 2019, arXiv 1909.00868): a decoder that has learnt to do without a latent would
go on doing without it, so after a phase as plain autoencoder the encoder stays and the decoder begins anew, now under the rate.
What the loss charges when is the objective's business: `objective.beta: {kind: linear, steps: 1000, delay: 2000}` charges nothing
for the first 2000 steps. Free bits are the other half of that recipe.

    {kind: phases, phases: [{steps: 2000, train: [encoder]}, {}]}

leaves the decoder as it is for a while, for one that was pretrained (Park & Lee 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PositiveInt
from torch import nn
from typing_extensions import TypedDict

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.objectives.loss import Loss
from seqvae.objectives.plans import ENCODER, Engine, Side, UpdatePlan, sides
from seqvae.registry import register

RENEWED: dict[Side, tuple[str, ...]] = {"encoder": ENCODER, "decoder": ("decoder", "likelihood")}
BOTH: tuple[Side, ...] = ("encoder", "decoder")


class Phase(TypedDict, total=False):
    """A stretch of training.

    steps: its length; the last phase has none.
    train: the sides that learn; both, when absent.
    reset: the sides that begin anew with it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]  # pydantic's way to refuse unknown keys
    steps: PositiveInt
    train: tuple[Side, ...]
    reset: tuple[Side, ...]


@register("plan", "phases")
class Phases(UpdatePlan):
    """One phase after the other.

    Args:
        phases: in their order.

    Raises:
        ConfigError: a phase but the last has no length, or the last has one.
    """

    def __init__(self, *, phases: Annotated[tuple[Phase, ...], Field(min_length=1)]) -> None:
        *earlier, last = phases
        if "steps" in last or not all("steps" in phase for phase in earlier):
            raise ConfigError(f"plan.phases: every phase but the last has its steps, and the last has none, got {list(phases)}")
        self.phases = phases
        self.begun = 0  # the phase whose resets are done; the first has nothing behind it to reset

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """Two optimisers, `encoder` and `decoder`."""
        return sides(model, objective)

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """A joint step of the sides that learn now."""
        while self.begun < self._phase_of(step):
            self.begun += 1
            for side in self.phases[self.begun].get("reset", ()):
                engine.renew(RENEWED[side])
        moving = self.phases[self.begun].get("train", BOTH)
        losses = engine.accumulate(batches, step, only=moving)
        for side in moving:
            engine.update(side)
        return losses

    def state_dict(self) -> dict[str, Any]:
        """Which phase has begun."""
        return {"begun": self.begun}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.begun = state["begun"]

    def _phase_of(self, step: int) -> int:
        end = 0
        for number, phase in enumerate(self.phases[:-1]):
            end += phase["steps"]
            if step < end:
                return number
        return len(self.phases) - 1
