"""The plan of adversarial training: model and discriminator each with an optimiser of its own.

Both gradients come from one pass at the same weights (no side's loss reaches the other's weights), so the order of the two
updates does not matter and the second side costs next to nothing. Under `joint` the two would share one optimiser and one
clipping norm.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import PositiveInt
from torch import nn

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.objectives.loss import Loss
from seqvae.objectives.plans import Engine, UpdatePlan, learning
from seqvae.registry import register


@register("plan", "adversarial")
class Alternating(UpdatePlan):
    """Model and adversary in turn.

    Args:
        turns: updates of the adversary to one of the model; those after the first are on further batches.
    """

    def __init__(self, *, turns: PositiveInt = 1) -> None:
        self.turns = turns

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """Two optimisers, `model` and `adversary`.

        Raises:
            ConfigError: the objective has no adversary.
        """
        adversary = learning(objective)
        if not adversary:
            raise ConfigError("plan=adversarial needs an objective with a discriminator; give objective=aae, or plan=joint")
        return {"model": learning(model), "adversary": adversary}

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """Both sides from one pass, then the adversary's further turns."""
        losses = engine.accumulate(batches, step)
        engine.update("model")
        engine.update("adversary")
        for _ in range(self.turns - 1):
            engine.accumulate(engine.draw(len(batches)), step, only=("adversary",))
            engine.update("adversary")
        return losses
