"""The engine: forward, backward and update on one device or many, for an update plan to call.

Losses are normalised by the **global** number of sequences: over the micro-batches of one step and over all processes, so that one
process and N processes with the same global batch make the same step, whatever the sizes of the micro-batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    ) -> None:
        self.model, self.optimizers = model, dict(optimizers)
        self.objective: Any = objective
        self.accelerator, self.device = accelerator, accelerator.device
        self.precision, self.clip_norm, self.clip_value = precision, clip_norm, clip_value
        self.skipped = 0
        self.loss_module = accelerator.prepare(LossModule(model, objective))

    def accumulate(self, batches: Sequence[SequenceBatch], step: int) -> list[Loss]:
        """Forward and backward over the micro-batches; gradients add up to those of the mean over all sequences of all ranks."""
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        share = self.accelerator.num_processes / self.across_sum(sum(len(batch) for batch in batches))
        losses = []
        for number, batch in enumerate(batches, start=1):
            last = number == len(batches)
            with nullcontext() if last else self.accelerator.no_sync(self.loss_module):
                with autocast(self.precision, self.device):
                    loss = self.loss_module(batch, step, self.across_mean)
                (loss.per_sequence.sum() * share).backward()  # DDP averages over ranks, hence the number of processes in `share`
            losses.append(loss)
        return losses

    def update(self, optimizer: str) -> bool:
        """Clip, check, step and zero one named optimiser; false if the gradient was not finite and nothing moved."""
        held = self.optimizers[optimizer]
        parameters = [p for group in held.param_groups for p in group["params"] if p.grad is not None]
        if self.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.clip_value)
        norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        finite = bool(torch.isfinite(norm))
        if finite:
            if self.clip_norm is not None:
                nn.utils.clip_grads_with_norm_(parameters, self.clip_norm, norm)
            held.step()
        self.skipped = 0 if finite else self.skipped + 1
        held.zero_grad(set_to_none=True)
        return finite

    def across_sum(self, value: int) -> int:
        """The sum of a number over all processes."""
        if self.accelerator.num_processes == 1:
            return value
        return int(self.accelerator.reduce(torch.tensor(value, device=self.device), "sum").item())

    def across_mean(self, mean: Tensor) -> Tensor:
        """The mean over all processes of a per-process batch mean."""
        return mean if self.accelerator.num_processes == 1 else self.accelerator.reduce(mean, "mean")
