"""The training loop. It knows batches, an engine, an update plan and a clock; no modality, no objective, no part.

    for each step: micro-batches -> plan.step(engine, ...) -> report
    now and then:  validate with the true ELBO (beta 1), keep the best, lower the learning rate, checkpoint

Everything random is drawn from torch's generators, the order of batches is a function of (seed, epoch), and validation leaves the
generators as it found them: a resumed run goes on bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import Tensor

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.data.batches import Batches, bucket_batches
from seqvae.data.store import SequenceStore
from seqvae.errors import TrainingError
from seqvae.evaluation.likelihood import criterion, validation_metrics
from seqvae.evaluation.verdict import verdict
from seqvae.objectives.plans import UpdatePlan
from seqvae.objectives.schedules import Constant, Schedule
from seqvae.recipe import Recipe
from seqvae.steps import StepSpec
from seqvae.storage.weights import load_weights, module_tensors
from seqvae.training import checkpoint
from seqvae.training.engine import AccelerateEngine
from seqvae.training.loggers import JsonLines, Logger
from seqvae.training.precision import autocast
from seqvae.training.progress import Progress
from seqvae.training.screen import Screen
from seqvae.training.signals import StopSignals
from seqvae.training.window import Window
from seqvae.vae import SeqVAE

MAX_SKIPPED = 20  # updates in a row with a non-finite gradient before training gives up


@dataclass(frozen=True)
class TrainResult:
    """How training ended.

    Attributes:
        run: the run folder.
        steps: optimiser steps done in all.
        tokens_per_second: real tokens (EOS counted, padding not) per second of training time.
        interrupted: the signal that ended it early, or None.
    """

    run: Path
    steps: int
    tokens_per_second: float
    interrupted: str | None = None


class Trainer:
    """One run, from wherever `progress` stands to its end.

    Args:
        vae: the model to train, with its codec; saved whenever validation improves.
        recipe: all settings.
        splits: `train`, and `valid` where there is one.
        engine, plan: how parameters move.
        run: the run folder, which exists.
        facts: what identifies the run beside its recipe (hash of the data, hardware), written into the saved model.
        loggers: besides metrics.jsonl.
    """

    def __init__(
        self,
        vae: SeqVAE,
        recipe: Recipe,
        splits: Mapping[str, SequenceStore],
        engine: AccelerateEngine,
        plan: UpdatePlan,
        run: Path,
        facts: Mapping[str, Any],
        loggers: Sequence[Logger] = (),
    ) -> None:
        self.vae, self.recipe, self.settings, self.run = vae, recipe, recipe.training, run
        self.train_store, self.valid_store = splits["train"], splits.get("valid")
        self.engine, self.plan, self.loggers, self.facts = engine, plan, loggers, dict(facts)
        self.progress = Progress()
        self.interrupted: str | None = None  # the signal that ends this run, as all processes know it
        self.augment = _build_augmentation(recipe.training.augmentation, vae.codec.spec)
        self.rate_schedule: Schedule = _build_schedule(recipe.training.learning_rate)
        self.base_rates = {name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in engine.optimizers.items()}
        self.main = engine.accelerator.is_main_process
        self.order = self._epoch_order(0)
        engine.source = self._another

    # ---- the loop ----

    def fit(self) -> TrainResult:
        """Train to the end, or until SIGTERM or Ctrl-C, which checkpoint and return."""
        progress, self.interrupted = self.progress, None
        self.journal = JsonLines(self.run / "metrics.jsonl", until=progress.step) if self.main else None
        with StopSignals() as self.signals, Screen(self.settings, len(self.order), enabled=self.main) as self.screen:
            self.window = Window()
            while not self._over():
                for rows in self._groups_of_epoch():
                    self._step(rows)
                    if self._over():
                        break
            self._end()
        return TrainResult(self.run, progress.step, progress.tokens_per_second, self.interrupted)

    def _over(self) -> bool:
        told = self._told_to_stop()  # asked first, whatever else is so: every process takes part
        return told or self.progress.finished or self.progress.reached(self.settings)

    def _told_to_stop(self) -> bool:
        """Whether any process has had a signal. All know at the same step: one that left alone would keep the others waiting."""
        if self.interrupted is None and self.engine.across_sum(int(self.signals.received is not None)):
            self.interrupted = next(name for name in gather_object([self.signals.received]) if name is not None)
        return self.interrupted is not None

    def _step(self, rows: Sequence[np.ndarray]) -> None:
        """One global step on the micro-batches of some rows of the store, and what is due after it."""
        progress, start = self.progress, time.perf_counter()
        self._set_learning_rates()
        batches = [self.augment(self.train_store.batch(part)).to(self.engine.device) for part in rows]
        losses = self.plan.step(self.engine, batches, progress.step)
        self.engine.objective.stepped(losses, self.engine.across_mean)
        if self.engine.skipped > MAX_SKIPPED:
            raise TrainingError(
                f"the gradient was not finite {self.engine.skipped} steps in a row, last at step {progress.step}; lower the "
                f"learning rate or training.clip_norm; the last good checkpoint is in {self.run / 'checkpoints'}"
            )
        progress.step += 1
        progress.batch += len(batches)
        epoch_over = progress.batch >= len(self.order)
        if epoch_over:
            progress.epoch, progress.batch = progress.epoch + 1, 0
        tokens = self.engine.across_sum(int(sum(self.train_store.lengths[part].sum() for part in rows)))
        seconds = time.perf_counter() - start
        progress.tokens, progress.seconds = progress.tokens + tokens, progress.seconds + seconds
        self.window.add(losses, tokens, seconds)
        self._after(epoch_over)

    def _after(self, epoch_over: bool) -> None:
        progress, settings = self.progress, self.settings
        if progress.step % settings.log_every == 0 or epoch_over:
            self._report_training()
        every = settings.validate_every
        if epoch_over if every is None else progress.step % every == 0:
            self.validate()
            self.save_checkpoint()
        elif settings.checkpoint_every is not None and progress.step % settings.checkpoint_every == 0:
            self.save_checkpoint()

    def _end(self) -> None:
        """The last report, validation and checkpoint, each unless it has just been made."""
        self._report_training()
        progress = self.progress
        if self.interrupted is None:
            progress.finished = True
            if progress.validated_step != progress.step:
                self.validate()
        elif self.main and not (self.run / "model").exists():
            self._save_model({})
        self.save_checkpoint()
        for logger in self.loggers:
            logger.close()
        if self.journal:
            self.journal.close()

    # ---- data ----

    def _epoch_order(self, epoch: int) -> Batches:
        """This process's micro-batches of an epoch, a function of (seed, epoch)."""
        accelerator = self.engine.accelerator
        return bucket_batches(
            self.train_store.lengths,
            self.settings.batch_tokens,
            self.settings.batch_size,
            seed=self.recipe.seed,
            epoch=epoch,
            rank=accelerator.process_index,
            world=accelerator.num_processes,
        )

    def _groups_of_epoch(self) -> Iterator[list[np.ndarray]]:
        """The rows of each step's micro-batches, from where the epoch stands; the last step of an epoch may have fewer."""
        self.order = self._epoch_order(self.progress.epoch)
        for start in range(self.progress.batch, len(self.order), self.settings.accumulate):
            yield list(self.order[start : start + self.settings.accumulate])

    def _another(self) -> SequenceBatch:
        """A micro-batch of this epoch, drawn from torch's generator and augmented as the steps' own are."""
        return self.augment(self.train_store.batch(self.order[int(torch.randint(len(self.order), ()))]))

    # ---- learning rate ----

    def _set_learning_rates(self) -> None:
        decay = self.settings.decay
        scale = self.rate_schedule(self.progress.step) * (decay.factor**self.progress.decays if decay else 1.0)
        for name, optimizer in self.engine.optimizers.items():
            for group, base in zip(optimizer.param_groups, self.base_rates[name], strict=True):
                group["lr"] = base * scale

    # ---- validation ----

    def validate(self) -> None:
        """The true validation ELBO; keeps the best model by `criterion`, and lowers the learning rate on its plateau."""
        progress, decay = self.progress, self.settings.decay
        progress.validated_step = progress.step
        metrics = self._measure()
        found = verdict(metrics)
        metrics["collapsed"] = found.collapsed
        self.plan.validated({name: value for name, value in metrics.items() if isinstance(value, float)})
        settled = self.engine.objective.settled(progress.step)
        best, due = progress.validated(criterion(metrics, self.settings.best_beta), decay, settled)
        self._report({"kind": "valid", **metrics, "verdict": found.sentence, "best": best}, metrics)
        self.screen.validated(progress, metrics, best)
        if settled:  # before, a low rate may be the schedule's doing
            self.screen.judged(found)
        if best and self.main:
            self._save_model(metrics)
        if due and decay is not None:
            self._decay(decay.reload, decay.max_decays)

    def _measure(self) -> dict[str, Any]:
        store = self.valid_store if self.valid_store is not None else self.train_store
        with autocast(self.engine.precision, self.engine.device):
            return validation_metrics(self.vae.model, store, seed=self.recipe.seed)

    def _decay(self, reload: bool, max_decays: int) -> None:
        if self.progress.decays > max_decays:
            self.progress.finished = True
        elif reload and self.progress.best_step >= 0 and self.progress.best_step != self.progress.step:
            best = checkpoint.checkpoint_folder(self.run, self.progress.best_step)
            load_weights(self.vae.model, best / "model.safetensors")

    # ---- saving ----

    def _save_model(self, metrics: Mapping[str, Any]) -> None:
        made = {**self.facts, "step": self.progress.step}
        self.vae.metrics = {"made": made, "validation": dict(metrics)} if metrics else {"made": made}
        self.vae.save_pretrained(self.run / "model")

    def save_checkpoint(self) -> None:
        """Write the checkpoint of this step; older ones go, except the best."""
        engine = self.engine
        generators = gather_object([checkpoint.rng_tensors(engine.device)])  # one a process
        if self.main:
            tensors: dict[str, Mapping[str, Tensor]] = {f"rng-{rank}": states for rank, states in enumerate(generators)}
            tensors["model"] = module_tensors(self.vae.model)
            tensors["objective"] = module_tensors(engine.objective)
            tensors |= {f"optimizer-{n}": checkpoint.optimizer_tensors(o) for n, o in engine.optimizers.items()}
            state = {
                "progress": self.progress.to_json(),
                "plan": self.plan.state_dict(),
                "facts": self.facts,
                "refused": engine.refused,
            }
            checkpoint.write_checkpoint(checkpoint.checkpoint_folder(self.run, self.progress.step), tensors, state)
            checkpoint.prune(self.run, keep=self.settings.keep, best_step=self.progress.best_step)
        engine.accelerator.wait_for_everyone()

    def load_checkpoint(self, folder: Path) -> None:
        """Go back to where a verified checkpoint stands."""
        engine, state = self.engine, checkpoint.read_state(folder)
        load_weights(self.vae.model, folder / "model.safetensors")
        load_weights(engine.objective, folder / "objective.safetensors")
        for name, optimizer in engine.optimizers.items():
            checkpoint.load_optimizer(optimizer, checkpoint.read_tensors(folder, f"optimizer-{name}"))
        self.plan.load_state_dict(state["plan"])
        self.progress = Progress.from_json(state["progress"])
        engine.refused = state["refused"]
        checkpoint.load_rng(checkpoint.read_tensors(folder, f"rng-{engine.accelerator.process_index}"), engine.device)

    # ---- reports ----

    def _report_training(self) -> None:
        if not self.window.steps:
            return
        rates = [group["lr"] for optimizer in self.engine.optimizers.values() for group in optimizer.param_groups]
        values = {**self.window.means(), "lr": rates[0], "skipped": float(self.engine.skipped)}
        self.window = Window()
        self._report({"kind": "train", **values, "seconds": self.progress.seconds}, values)
        self.screen.trained(self.progress, values)

    def _report(self, record: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        if self.journal:
            self.journal.write({"step": self.progress.step, "epoch": self.progress.epoch, **record})
        prefix = record["kind"]
        scalars = {f"{prefix}/{name}": float(value) for name, value in values.items() if isinstance(value, (int, float))}
        for logger in self.loggers if self.main else ():
            logger.log(self.progress.step, scalars)


def _build_schedule(config: Mapping[str, Any] | None) -> Schedule:
    return registry.build("schedule", config) if config else Constant(value=1.0)


def _build_augmentation(config: Mapping[str, Any] | None, steps: StepSpec) -> Callable[[SequenceBatch], SequenceBatch]:
    """What training batches go through, on the CPU and with torch's generator, so that a resumed run draws the same."""
    return registry.build("augmentation", config, steps) if config else lambda batch: batch
