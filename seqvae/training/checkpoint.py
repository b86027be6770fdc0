"""Checkpoints: everything that resuming needs, as safetensors and JSON, never a pickle.

    checkpoints/step-000500/
        model.safetensors  objective.safetensors  optimizer-<name>.safetensors  rng-<rank>.safetensors
        state.json      progress, plan state, optimiser hyper-parameters
        manifest.json   sha256 of every other file

A checkpoint is written to a temporary name and renamed when it is whole, its manifest last: what bears the right name is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seqvae.errors import RunError

MANIFEST = "manifest.json"


def checkpoint_folder(run: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return run / "checkpoints" / f"step-{step:06d}"


def write_folder(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write one checkpoint atomically: `tensors` by file name (without ending), `state` as JSON."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name, named in tensors.items():
        save_file(
            {key: tensor.detach().cpu().contiguous().clone() for key, tensor in named.items()}, temporary / f"{name}.safetensors"
        )
    (temporary / "state.json").write_text(json.dumps(state, indent=1), encoding="utf-8")
    digests = {path.name: _sha256(path) for path in sorted(temporary.iterdir())}
    (temporary / MANIFEST).write_text(json.dumps(digests, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of one file of a checkpoint."""
    return load_file(folder / f"{name}.safetensors")


def read_state(folder: Path) -> dict[str, Any]:
    """The JSON state of a checkpoint."""
    return json.loads((folder / "state.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def verify(folder: Path) -> None:
    """Compare every file with the manifest.

    Raises:
        RunError: a file is missing, foreign or altered; names it.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise RunError(f"{folder} is no checkpoint: it has no {MANIFEST}")
    try:
        digests = json.loads(manifest.read_text(encoding="utf-8"))
    except ValueError:
        raise RunError(f"{manifest} is damaged; delete {folder} to resume from an earlier checkpoint") from None
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            raise RunError(f"{path} is missing; delete {folder} to resume from an earlier checkpoint")
        if _sha256(path) != digest:
            raise RunError(f"{path} was altered after it was written; delete {folder} to resume from an earlier checkpoint")


def latest(run: Path) -> Path:
    """The newest checkpoint of a run, verified.

    Raises:
        RunError: there is none, or it is damaged.
    """
    found = sorted((run / "checkpoints").glob("step-*"))
    if not found:
        raise RunError(f"{run} holds no checkpoint to resume from; start again with seqvae train")
    verify(found[-1])
    return found[-1]


def prune(run: Path, keep: int, best_step: int) -> None:
    """Delete all but the newest `keep` checkpoints and the best one."""
    found = sorted((run / "checkpoints").glob("step-*"))
    for folder in found[:-keep]:
        if folder != checkpoint_folder(run, best_step):
            shutil.rmtree(folder)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as named tensors, `<parameter>.<name>`."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, named in state.items()
        for name, value in named.items()
        if value is not None
    }


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `optimizer_tensors`, into a fresh optimiser over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def rng_tensors(device: torch.device) -> dict[str, Tensor]:
    """The state of every random generator that training draws from in this process."""
    _, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # a user's part may draw from numpy
    numpy_rest = torch.tensor([float(position), float(has_gauss), float(gauss)], dtype=torch.float64)
    states = {
        "torch": torch.get_rng_state(),
        "numpy_keys": torch.from_numpy(np.asarray(keys, dtype=np.int64)),
        "numpy_rest": numpy_rest,
    }
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


def module_tensors(module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers; shared ones (tied embeddings) once, under their first name."""
    seen: set[int] = set()
    tensors: dict[str, Tensor] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor
    return tensors


def load_module(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The inverse of `module_tensors`.

    Raises:
        RunError: the tensors are another model's.
    """
    wanted = module_tensors(module)
    if {n: t.shape for n, t in wanted.items()} != {n: t.shape for n, t in tensors.items()}:
        differing = sorted(
            n for n in wanted.keys() | tensors.keys() if n not in wanted or n not in tensors or wanted[n].shape != tensors[n].shape
        )
        raise RunError(f"the weights belong to another model: {len(differing)} tensors differ, first {differing[0]!r}")
    module.load_state_dict(dict(tensors), strict=False)  # not strict: the second name of a tied tensor is absent


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
