"""The folder of a trained model.

    config.json        what it is: recipe, max_length, metrics
    model.safetensors  weights
    codec/             what the codec learnt
    README.md          model card
    manifest.json      sha256 of every other file, written last

The parts are built from the recipe by name, so a folder can run no code that is not installed; nothing in it is a pickle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from seqvae import __version__, registry
from seqvae import recipe as recipes
from seqvae.data.codec import Codec, source_spec
from seqvae.errors import ConfigError, DataError, RunError
from seqvae.model import SequenceModel, build_model, standalone
from seqvae.recipe import Recipe
from seqvae.storage.manifest import MANIFEST, verify, write_manifest
from seqvae.storage.model_card import model_card
from seqvae.storage.staging import move_in, staging
from seqvae.storage.weights import load_weights, save_weights

FORMAT, VERSION = "seqvae", 1
CONFIG, WEIGHTS, CODEC, CARD = "config.json", "model.safetensors", "codec", "README.md"
REMEDY = "save the model again, or download it again"


@dataclass(frozen=True)
class Pretrained:
    """What a folder holds: the model, and all that is needed to use it.

    Attributes:
        model: on the CPU, in evaluation mode.
        codec, modality: built and loaded.
        recipe: what it was trained by.
        max_length: longest sequence to generate, in steps.
        metrics: what was measured of it.
        ex_post: the configuration of the prior that was fitted to encodings after training (`model.ex_post`), if one was.
    """

    model: SequenceModel
    codec: Codec
    modality: Any
    recipe: Recipe
    max_length: int
    metrics: dict[str, Any] = field(default_factory=dict)
    ex_post: Mapping[str, Any] | None = None


def write(folder: Path, held: Pretrained) -> None:
    """Write the folder, or replace the model in it; other files there are left alone.

    All files are written aside first and moved in at the end, the manifest last: a folder without one is incomplete.

    Raises:
        RunError: `folder` is a file, or cannot be written.
    """
    with staging(folder) as staged:
        (staged / CODEC).mkdir()
        held.codec.save(staged / CODEC)
        save_weights(held.model, staged / WEIGHTS)
        (staged / CARD).write_text(model_card(held.recipe, held.metrics), encoding="utf-8")
        (staged / CONFIG).write_text(json.dumps(_config(held), indent=1, ensure_ascii=False), encoding="utf-8")
        write_manifest(staged)
        move_in(staged, folder)


def read(folder: Path) -> Pretrained:
    """What `write` wrote, on the CPU.

    Raises:
        RunError: a file is missing, damaged, foreign, or of another version; names it and what to do.
    """
    config = _read_config(folder)
    verify(folder, REMEDY)
    try:
        recipe = recipes.check(config["recipe"])
        modality = registry.build("modality", recipe.modality)
        codec: Codec = registry.build("tokenizer", recipe.tokenizer)
        codec.load(folder / CODEC)
        with torch.random.fork_rng(devices=[]):  # the initial weights are about to be overwritten: let them cost no chance
            model = build_model(codec.spec, recipe.to_config()["model"], source_spec(codec))
            if config.get("ex_post") is not None:
                model.ex_post = registry.build("prior", config["ex_post"], model.event_shape)
    except (ConfigError, DataError) as error:
        raise RunError(
            f"{folder} cannot be built: {error}; import the module that registers the part, or upgrade seqvae "
            f"(saved by {config.get('seqvae_version')}, this is {__version__})"
        ) from error
    load_weights(model, folder / WEIGHTS)
    return Pretrained(model.eval(), codec, modality, recipe, config["max_length"], config["metrics"], config.get("ex_post"))


def add_metrics(folder: Path, group: str, metrics: Mapping[str, Any]) -> None:
    """Put what was measured later, on the split `group` say, into a saved model's config and card; the weights stay as they are.

    Raises:
        RunError: as `read`, or the folder cannot be written.
    """
    config = dict(_read_config(folder))
    verify(folder, REMEDY)
    config["metrics"] = {**config["metrics"], group: dict(metrics)}
    with staging(folder) as staged:
        (staged / CARD).write_text(model_card(recipes.check(config["recipe"]), config["metrics"]), encoding="utf-8")
        (staged / CONFIG).write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")
        move_in(staged, folder)
        write_manifest(folder)


def find(path: Path) -> Path:
    """The model folder that an existing path means: itself, or `model/` inside a run.

    Raises:
        RunError: something else is there.
    """
    for folder in (path, path / "model"):
        if (folder / CONFIG).is_file() or (folder / MANIFEST).is_file():
            return folder
    if (path / "recipe.yaml").is_file():
        raise RunError(f"{path} is a run without a model yet: {path / 'model' / CONFIG} is missing; train it further first")
    raise RunError(f"{path} holds no model: {path / CONFIG} is missing; give a run folder or what save_pretrained wrote")


def _config(held: Pretrained) -> dict[str, Any]:
    recipe = held.recipe.to_config()
    recipe["model"] = standalone(held.model, recipe["model"])
    return {
        "format": FORMAT,
        "format_version": VERSION,
        "seqvae_version": __version__,
        "recipe": recipe,
        "max_length": held.max_length,
        "metrics": held.metrics,
        "ex_post": held.ex_post,
    }


def _read_config(folder: Path) -> Mapping[str, Any]:
    """A config.json of ours and of a version that this code reads."""
    path = folder / CONFIG
    if not path.is_file():
        raise RunError(f"{path} is missing; {REMEDY}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RunError(f"{path} is not JSON; {REMEDY}") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise RunError(f"{path} is not a seqvae model's; seqvae reads only models that it saved")
    if config.get("format_version") != VERSION:
        raise RunError(
            f"{path} has format version {config.get('format_version')!r}, this seqvae ({__version__}) reads {VERSION}; "
            f"use seqvae {config.get('seqvae_version')}, which wrote it"
        )
    absent = [key for key in ("recipe", "max_length", "metrics") if key not in config]
    if absent:
        raise RunError(f"{path} lacks {', '.join(absent)}; {REMEDY}")
    return config
