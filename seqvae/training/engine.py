"""The engine: forward, backward and update on one device or many, for an update plan to call.

Losses are normalised by the **global** number of sequences: over the micro-batches of one step and over all processes, so that one
process and N processes with the same global batch make the same step, whatever the sizes of the micro-batches. This holds of losses
that add up over sequences; what an objective takes over a batch it takes over a micro-batch: free bits that act on a batch's mean
rate, the MMD, batch normalised means.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from seqvae.batch import SequenceBatch
from seqvae.objectives.loss import Loss
from seqvae.training.precision import autocast


class LossModule(nn.Module):
    """Model and objective as one module, so that distributed wrappers see every parameter and one forward."""

    def __init__(self, model: nn.Module, objective: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, batch: SequenceBatch, step: int, across: Any) -> Loss:
        """The objective's loss on a batch."""
        return self.objective(self.model, batch, step, across)


class AccelerateEngine:
    """What an update plan asks for, on Hugging Face Accelerate.

    Args:
        model, objective: moved to the device here.
        optimizers: by name, as the plan wants them.
        accelerator: device and processes.
        precision: `fp32` or `bf16` autocast.
        clip_norm, clip_value: gradient clipping, or None.
        fresh: makes a newly initialised model of the same configuration, the same one in every process.

    `source` gives a random micro-batch of the training data; the trainer, which has the data, sets it.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: nn.Module,
        optimizers: Mapping[str, torch.optim.Optimizer],
        accelerator: Accelerator,
        precision: Literal["fp32", "bf16"],
        clip_norm: float | None,
        clip_value: float | None,
        fresh: Callable[[], nn.Module] | None = None,
    ) -> None:
        self.model, self.optimizers = model, dict(optimizers)
        self.objective: Any = objective
        self.accelerator, self.device = accelerator, accelerator.device
        self.precision, self.clip_norm, self.clip_value = precision, clip_norm, clip_value
        self.fresh = fresh
        self.source: Callable[[], SequenceBatch] | None = None
        self.refused = dict.fromkeys(optimizers, 0)  # updates in a row that each optimiser did not make
        self.loss_module = accelerator.prepare(LossModule(model, objective))

    @property
    def skipped(self) -> int:
        """Updates in a row that were not made for want of a finite gradient: the most of any optimiser."""
        return max(self.refused.values())

    def accumulate(self, batches: Sequence[SequenceBatch], step: int, only: Collection[str] | None = None) -> list[Loss]:
        """Forward and backward over the micro-batches; gradients add up to those of the mean over all sequences of all ranks.

        `only` names the optimisers that will step. One process then works out no other gradients; several work out all, because
        the reduction between them waits for every one.
        """
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        wanted = None if only is None or self.accelerator.num_processes > 1 else self._held(only)
        share = self.accelerator.num_processes / self.across_sum(sum(len(batch) for batch in batches))
        losses = []
        for number, batch in enumerate(batches, start=1):
            last = number == len(batches)
            with nullcontext() if last else self.accelerator.no_sync(self.loss_module):
                with autocast(self.precision, self.device):
                    loss = self.loss_module(batch, step, self.across_mean)
                # DDP averages over ranks, hence the number of processes in `share`
                (loss.per_sequence.sum() * share).backward(inputs=wanted)
            losses.append(loss)
        return losses

    def update(self, optimizer: str) -> bool:
        """Clip, check, step and zero one named optimiser; false if the gradient was not finite and nothing moved."""
        held = self.optimizers[optimizer]
        parameters = [p for group in held.param_groups for p in group["params"] if p.grad is not None]
        norm = _norm(parameters)
        finite = bool(torch.isfinite(norm))  # asked before clipping by value, which would make an infinite gradient a finite one
        if finite:
            if self.clip_value is not None:
                nn.utils.clip_grad_value_(parameters, self.clip_value)
            if self.clip_norm is not None:
                nn.utils.clip_grads_with_norm_(parameters, self.clip_norm, _norm(parameters) if self.clip_value else norm)
            held.step()
        self.refused[optimizer] = 0 if finite else self.refused[optimizer] + 1
        held.zero_grad(set_to_none=True)
        return finite

    def draw(self, count: int) -> list[SequenceBatch]:
        """So many further micro-batches of the training data, by chance."""
        assert self.source is not None, "whoever has the data sets the source"
        return [self.source().to(self.device) for _ in range(count)]

    def renew(self, parts: Collection[str]) -> None:
        """Initialise these parts of the model again, and forget what the optimisers know of them."""
        assert self.fresh is not None, "whoever has the configuration gives `fresh`"
        new = self.fresh()
        for name in parts:
            part: nn.Module = getattr(self.model, name)
            part.load_state_dict(getattr(new, name).state_dict())
            for optimizer in self.optimizers.values():
                for parameter in part.parameters():
                    optimizer.state.pop(parameter, None)

    def _held(self, names: Collection[str]) -> list[nn.Parameter]:
        """The parameters of these optimisers."""
        return [p for name in names for group in self.optimizers[name].param_groups for p in group["params"]]

    def across_sum(self, value: int) -> int:
        """The sum of a number over all processes."""
        if self.accelerator.num_processes == 1:
            return value
        return int(self.accelerator.reduce(torch.tensor(value, device=self.device), "sum").item())

    def across_mean(self, mean: Tensor) -> Tensor:
        """The mean over all processes of a per-process batch mean."""
        return mean if self.accelerator.num_processes == 1 else self.accelerator.reduce(mean, "mean")


def _norm(parameters: Sequence[nn.Parameter]) -> Tensor:
    """The norm of all their gradients together."""
    return nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
