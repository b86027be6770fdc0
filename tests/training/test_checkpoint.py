"""Checkpoint files: exact round trips, atomic, pruned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from seqvae import registry
from seqvae.errors import RunError
from seqvae.training import checkpoint


@pytest.mark.parametrize("config", [{"kind": "adamw", "lr": 0.1}, {"kind": "sgd", "lr": 0.1, "momentum": 0.9}])
def test_an_optimizer_goes_on_as_if_it_had_not_stopped(config: dict[str, object], tmp_path: Path) -> None:
    def trained(steps: int, weights: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
        for i in range(steps):
            (weights(torch.full((1, 3), float(i + 1))) ** 2).sum().backward()
            optimizer.step()
            optimizer.zero_grad()

    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    make = registry.build("optimizer", config)
    optimizer = make(list(model.parameters()))
    trained(4, model, optimizer)
    checkpoint.write_checkpoint(
        tmp_path / "c", {"optimizer": checkpoint.optimizer_tensors(optimizer), "model": model.state_dict()}, {}
    )
    twin = nn.Linear(3, 2)
    twin.load_state_dict(checkpoint.read_tensors(tmp_path / "c", "model"))
    other = make(list(twin.parameters()))
    checkpoint.load_optimizer(other, checkpoint.read_tensors(tmp_path / "c", "optimizer"))
    trained(3, model, optimizer)
    trained(3, twin, other)
    assert torch.equal(model.weight, twin.weight)
    assert torch.equal(model.bias, twin.bias)


def test_random_states_round_trip(tmp_path: Path) -> None:
    np.random.seed(3)
    np.random.standard_normal()  # leaves a cached second value, which must survive
    states = checkpoint.rng_tensors(torch.device("cpu"))
    checkpoint.write_checkpoint(tmp_path / "c", {"rng-0": states}, {"a": 1})
    expected = torch.rand(3), np.random.standard_normal(4)
    torch.rand(7), np.random.standard_normal(5)
    checkpoint.load_rng(checkpoint.read_tensors(tmp_path / "c", "rng-0"), torch.device("cpu"))
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.standard_normal(4), expected[1])


def test_an_unfinished_checkpoint_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(step: int) -> None:
        checkpoint.write_checkpoint(checkpoint.checkpoint_folder(tmp_path, step), {"model": {"w": torch.ones(2)}}, {})

    write(9)
    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "write_manifest", lambda folder: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            write(10)
    assert checkpoint.latest(tmp_path).name == "step-000009"
    write(1_000_000)  # one digit more than the names are padded to
    assert checkpoint.latest(tmp_path).name == "step-1000000"


def test_pruning_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4, 5):
        checkpoint.write_checkpoint(checkpoint.checkpoint_folder(tmp_path, step), {}, {})
    checkpoint.prune(tmp_path, keep=2, best_step=2)
    assert sorted(folder.name for folder in (tmp_path / "checkpoints").iterdir()) == ["step-000002", "step-000004", "step-000005"]


def test_no_checkpoint_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no checkpoint"):
        checkpoint.latest(tmp_path)
