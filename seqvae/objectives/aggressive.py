"""Aggressive training of the encoder (He et al. 2019, arXiv 1901.05534): let inference catch up with the model before the model
moves.

    while aggressive: encoder steps alone until they stop helping, then one decoder step on the first batch
    once the mutual information of validation has fallen: both sides together, for good

The inner loop stops when a window of its steps has no lower loss a token than the window before, or at its cap. The paper's
windows are ten steps and its cap a hundred, which makes an epoch some thirty times as long. An inner step costs nearly as much as
a plain one (six of them made a step 6.6 times as long), so the cap here is five. `window: 10, most: 100` is the paper's.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from pydantic import PositiveInt
from torch import nn

from seqvae.batch import SequenceBatch
from seqvae.objectives.loss import Loss
from seqvae.objectives.plans import Engine, UpdatePlan, sides
from seqvae.registry import register

log = logging.getLogger("seqvae")


@register("plan", "aggressive_encoder")
class AggressiveEncoder(UpdatePlan):
    """Inner steps of the encoder alone, for as long as they raise what the latent tells.

    Args:
        window: inner steps whose mean loss is compared with that of the window before.
        most: inner steps a global step at most.
        steps: global steps after which it ends in any case; None leaves the end to the mutual information.
    """

    def __init__(self, *, window: PositiveInt = 2, most: PositiveInt = 5, steps: PositiveInt | None = None) -> None:
        self.window, self.most, self.steps = window, most, steps
        self.aggressive = True
        self.information: float | None = None  # nats, at the last validation

    def parameters(self, model: nn.Module, objective: nn.Module) -> dict[str, list[nn.Parameter]]:
        """Two optimisers, `encoder` and `decoder`."""
        return sides(model, objective)

    def step(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """Aggressive or joint, by how things stand; reports which as `aggressive`, 1 or 0."""
        aggressive = self.aggressive and (self.steps is None or step < self.steps)
        if aggressive:
            self._train_encoder(engine, batches, step)
        moving = ("decoder",) if aggressive else ("encoder", "decoder")
        losses = engine.accumulate(batches, step, only=moving)
        for side in moving:
            engine.update(side)
        return [replace(loss, scalars={**loss.scalars, "aggressive": float(aggressive)}) for loss in losses]

    def _train_encoder(self, engine: Engine, batches: Sequence[SequenceBatch], step: int) -> None:
        """Inner steps on these batches, then on others, until a window does not improve on the last."""
        current, before, total = batches, math.inf, 0.0
        for turn in range(1, self.most + 1):
            losses = engine.accumulate(current, step, only=("encoder",))
            engine.update("encoder")
            total += _per_token(engine, current, losses)
            if turn % self.window == 0:
                if total >= before:
                    return
                before, total = total, 0.0
            if turn < self.most:
                current = engine.draw(len(batches))

    def validated(self, metrics: Mapping[str, float]) -> None:
        """Ends the aggressive part at the first fall of `mi_nats`, or where it cannot be measured."""
        if not self.aggressive:
            return
        information = metrics.get("mi_nats")
        if information is None:
            log.warning("this posterior has no density, hence no mutual information to watch: aggressive training ends")
        self.aggressive = information is not None and (self.information is None or information >= self.information)
        self.information = information

    def state_dict(self) -> dict[str, Any]:
        """Whether it is on, and the mutual information of the last validation."""
        return {"aggressive": self.aggressive, "information": self.information}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.aggressive, self.information = state["aggressive"], state["information"]


def _per_token(engine: Engine, batches: Sequence[SequenceBatch], losses: Sequence[Loss]) -> float:
    """The loss a token, nats, over the micro-batches of all ranks: all ranks stop at the same turn."""
    total = torch.stack([loss.per_sequence.detach().sum() for loss in losses]).sum().double()
    tokens = torch.stack([batch.lengths.sum() for batch in batches]).sum().double()
    shared: list[float] = engine.across_mean(torch.stack([total, tokens])).tolist()
    return shared[0] / shared[1]
