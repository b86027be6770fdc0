"""Checkpoints: everything that resuming needs, as safetensors and JSON, never a pickle.

    checkpoints/step-000500/
        model.safetensors  objective.safetensors  optimizer-<name>.safetensors  rng-<rank>.safetensors
        state.json      progress, plan state, facts of the run
        manifest.json   sha256 of every other file

A checkpoint is written to a temporary name and renamed when it is whole, its manifest last: what bears the right name is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from seqvae.errors import RunError
from seqvae.storage.manifest import verify, write_manifest

REMEDY = "delete this checkpoint to resume from an earlier one, or train again"


def checkpoint_folder(run: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return run / "checkpoints" / f"step-{step:06d}"


def write_checkpoint(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write one checkpoint atomically: `tensors` by file name (without ending), `state` as JSON."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, named in tensors.items():
        plain = {key: tensor.detach().cpu().contiguous() for key, tensor in named.items()}
        save_file(plain, temporary / f"{name}.safetensors")
    (temporary / "state.json").write_text(json.dumps(state, indent=1), encoding="utf-8")
    write_manifest(temporary)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one file of a checkpoint.

    Raises:
        RunError: the checkpoint has no such file, because it was written with other settings or by fewer processes.
    """
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise RunError(f"{path} is missing; resume with the recipe and the number of processes that wrote the checkpoint")
    return load_file(path)


def read_state(folder: Path) -> dict[str, Any]:
    """The JSON state of a verified checkpoint."""
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return state


def latest(run: Path) -> Path:
    """The newest checkpoint of a run, verified against its manifest.

    Raises:
        RunError: there is none, or it is damaged.
    """
    found = _all(run)
    if not found:
        raise RunError(f"{run} holds no checkpoint to resume from; start again with seqvae train")
    verify(found[-1], REMEDY)
    return found[-1]


def prune(run: Path, keep: int, best_step: int) -> None:
    """Delete all but the newest `keep` checkpoints and the best one."""
    for folder in _all(run)[:-keep]:
        if folder != checkpoint_folder(run, best_step):
            shutil.rmtree(folder)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as named tensors, `<parameter>.<name>`."""
    state = optimizer.state_dict()["state"]
    named = {f"{index}.{name}": value for index, values in state.items() for name, value in values.items()}
    return {name: torch.as_tensor(value) for name, value in named.items() if value is not None}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`, into a fresh optimiser over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def rng_tensors(device: torch.device) -> dict[str, Tensor]:
    """The state of every random generator that training may draw from in this process."""
    _, keys, *rest = np.random.get_state(legacy=True)  # ours draws from torch alone, but a user's part may use numpy
    states = {"torch": torch.get_rng_state(), "numpy_keys": torch.from_numpy(np.asarray(keys, dtype=np.int64))}
    states["numpy_rest"] = torch.tensor([float(value) for value in rest], dtype=torch.float64)
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def load_rng(states: Mapping[str, Tensor], device: torch.device) -> None:
    """The inverse of `rng_tensors`."""
    torch.set_rng_state(states["torch"])
    position, has_gauss, gauss = states["numpy_rest"].tolist()
    np.random.set_state(("MT19937", states["numpy_keys"].numpy().astype(np.uint32), int(position), int(has_gauss), gauss))
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)


def _all(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((run / "checkpoints").glob("step-*"), key=lambda folder: int(folder.name.removeprefix("step-")))
