"""From a recipe to a trained run folder, and from a run folder onwards.

    runs/NAME/recipe.yaml  metrics.jsonl  rejected.jsonl  model/ (the best so far)  checkpoints/step-000500/

Everything that can be wrong is found before the folder is made: configuration, data, parts, loggers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seqvae import __version__, registry
from seqvae import recipe as recipes
from seqvae.data.codec import Codec, source_spec
from seqvae.data.prepare import Prepared, prepare
from seqvae.data.store import SequenceStore
from seqvae.errors import ConfigError, RunError
from seqvae.inference import device_of, evaluating, seeded
from seqvae.model import SequenceModel, build_model
from seqvae.recipe import Recipe
from seqvae.training import checkpoint
from seqvae.training.engine import AccelerateEngine
from seqvae.training.loggers import find_logger
from seqvae.training.precision import resolve_precision
from seqvae.training.trainer import Trainer, TrainResult
from seqvae.vae import SeqVAE

log = logging.getLogger("seqvae")


def train(recipe: Recipe, name: str = "run") -> TrainResult:
    """Train a recipe from the start.

    Args:
        recipe: checked.
        name: names the run folder `runs/NAME` where the recipe gives no `out`; a used one gets a number.

    Raises:
        ConfigError, DataError: as found, before anything is written.
        RunError: the output folder is in use.
    """
    run = _free_folder(recipe, name)
    prepared, vae = _assemble(recipe)
    return _trainer(prepared, vae, run, fresh=True).fit()


def resume(run: Path | str) -> TrainResult:
    """Continue an interrupted run from its last checkpoint, to the same weights as if it had not been interrupted.

    Raises:
        RunError: not a run, a damaged checkpoint, or data that changed since.
    """
    run = Path(run)
    if not (run / "recipe.yaml").is_file():
        raise RunError(f"{run} is no run: it has no recipe.yaml")
    folder = checkpoint.latest(run)
    recipe = recipes.load(run / "recipe.yaml")
    prepared, vae = _assemble(recipe)
    facts = checkpoint.read_state(folder)["facts"]
    if facts["data_sha256"] != prepared.source_sha256 or facts["codec"] != prepared.codec.fingerprint:
        raise RunError(
            f"the data of {run} changed since the run began: {recipe.data.source}; put the old data back, or start a new run"
        )
    trainer = _trainer(prepared, vae, run, fresh=False)
    trainer.load_checkpoint(folder)
    if trainer.progress.finished:
        log.info("%s is finished already, at step %d", run, trainer.progress.step)
        return TrainResult(run, trainer.progress.step, trainer.progress.tokens_per_second)
    return trainer.fit()


def trainer_of(recipe: Recipe, run: Path) -> Trainer:
    """A trainer at its beginning that has made no folder yet, for measuring its steps."""
    prepared, vae = _assemble(recipe)
    return _trainer(prepared, vae, run, fresh=False)


def _assemble(recipe: Recipe) -> tuple[Prepared, SeqVAE]:
    """The data and the freshly initialised model."""
    if recipe.training.threads is not None:
        torch.set_num_threads(recipe.training.threads)
    modality = registry.build("modality", recipe.modality)
    prepared = prepare(recipe.data, modality, recipe.tokenizer, recipe.seed)
    recipe = _told_classes(recipe, prepared)
    torch.manual_seed(recipe.seed)
    model = build_model(prepared.codec.spec, recipe.to_config()["model"], source_spec(prepared.codec))
    _check_lengths(prepared, model)
    if len(model.heads):
        train = prepared.splits["train"]
        model.heads.supervise(train.property_names, train.property_tensor, train.label_tensor)
    longest = recipe.evaluation.max_length or int(prepared.splits["train"].lengths.max())
    return prepared, SeqVAE(model, prepared.codec, modality, recipe, longest)


def _told_classes(recipe: Recipe, prepared: Prepared) -> Recipe:
    """The recipe, its condition completed with the classes of the data: they are saved with the model."""
    condition = recipe.model.condition
    learnt = registry.lookup("condition", condition["kind"]).cls.learnt(condition, prepared.classes)  # type: ignore[attr-defined]
    return replace(recipe, model=replace(recipe.model, condition=learnt))


def _check_lengths(prepared: Prepared, model: SequenceModel) -> None:
    longest = max(store.longest for store in prepared.splits.values())
    if model.max_steps is not None and longest > model.max_steps:
        raise ConfigError(
            f"the longest record has {longest} steps, and the model has positions for {model.max_steps}; leave longer ones out: "
            f"data.max_length={model.max_steps}"
        )


def _trainer(prepared: Prepared, vae: SeqVAE, run: Path, fresh: bool) -> Trainer:
    """Objective, plan, optimisers, engine and loggers around the model; makes the run folder last."""
    from accelerate import Accelerator

    accelerator = Accelerator()
    recipe = vae.recipe
    settings = recipe.training
    read = source_spec(prepared.codec) or prepared.codec.spec
    offered = {"steps": read, "event_shape": vae.model.event_shape}
    objective: nn.Module = registry.build("objective", recipe.objective, **offered)
    plan = registry.build("plan", recipe.plan)
    vae.model.to(accelerator.device)
    objective.to(accelerator.device)
    make_optimizer = registry.build("optimizer", settings.optimizer)
    optimizers = {name: make_optimizer(parameters) for name, parameters in plan.parameters(vae.model, objective).items()}
    precision = resolve_precision(settings.precision, accelerator.device)
    logger_classes = [find_logger(name) for name in settings.loggers]
    if fresh:
        _rehearse(objective, vae.model, prepared.splits["train"])
    if fresh and accelerator.is_main_process:
        _make_folder(run, recipe, prepared)
    accelerator.wait_for_everyone()
    clipping = settings.clip_norm, settings.clip_value
    renewed = partial(_fresh_model, recipe, prepared.codec)
    engine = AccelerateEngine(vae.model, objective, optimizers, accelerator, precision, *clipping, renewed)
    loggers = [cls(run, recipe.to_config()) for cls in logger_classes] if accelerator.is_main_process else []
    torch.manual_seed(recipe.seed + accelerator.process_index)  # noise differs between processes
    facts = _facts(prepared, vae, accelerator.device, precision)
    sizes = f"{facts['training_records']:,} records, {facts['parameters']:,} weights"
    log.info("%s: %s, %s on %s", run, sizes, precision, facts["hardware"])
    return Trainer(vae, recipe, prepared.splits, engine, plan, run, facts, loggers)


def _rehearse(objective: nn.Module, model: SequenceModel, store: SequenceStore) -> None:
    """The first step's loss on the two shortest records, for what an objective may refuse of a posterior and a prior only once it
    sees them: a rate that is known as a sum, a posterior without a density. Neither chance nor a weight moves."""
    batch = store.batch(np.argsort(store.lengths, kind="stable")[:2]).to(device_of(model))
    with seeded(0), evaluating(model):
        objective(model, batch, 0)


def _fresh_model(recipe: Recipe, codec: Codec) -> nn.Module:
    """A model as it was before training, but of another draw; every process makes the same."""
    with seeded(recipe.seed + 1):
        return build_model(codec.spec, recipe.to_config()["model"], source_spec(codec))


def _facts(prepared: Prepared, vae: SeqVAE, device: torch.device, precision: str) -> dict[str, Any]:
    """What a reader of the numbers must know besides the recipe."""
    return {
        "data_sha256": prepared.source_sha256,
        "codec": prepared.codec.fingerprint,
        "training_records": len(prepared.splits["train"]),
        "parameters": sum(p.numel() for p in vae.model.parameters()),
        "hardware": torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
        "precision": precision,
        "versions": {"seqvae": __version__, "torch": torch.__version__},
    }


def _free_folder(recipe: Recipe, name: str) -> Path:
    """The run folder to make: `out`, which must be free, or the first free `runs/NAME`, `runs/NAME-2`, ..."""
    if recipe.out is not None:
        run = Path(recipe.out)
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            raise RunError(f"{run} is in use; give another out=, delete it, or continue it with: seqvae resume {run}")
        return run
    run, number = Path("runs") / name, 1
    while run.exists():
        number += 1
        run = Path("runs") / f"{name}-{number}"
    return run


def _make_folder(run: Path, recipe: Recipe, prepared: Prepared) -> None:
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    if prepared.rejected.count:
        shutil.copyfile(prepared.rejected.path, run / "rejected.jsonl")


def read_metrics(run: Path | str) -> list[Mapping[str, Any]]:
    """The lines of a run's metrics.jsonl."""
    import json

    path = Path(run) / "metrics.jsonl"
    if not path.is_file():
        raise RunError(f"{path} is missing; is {run} a run?")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
