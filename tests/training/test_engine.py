"""The engine's promise: the same global batch makes the same step, however it is shared out; and a bad gradient moves nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.objectives.loss import Loss
from seqvae.training.engine import AccelerateEngine


@pytest.mark.slow
def test_one_process_and_two_make_the_same_steps(launch: Callable[..., None], tmp_path: Path) -> None:
    launch("one_step.py", tmp_path / "whole", 1)
    launch("one_step.py", tmp_path / "shared", 1, processes=2)
    whole, shared = load_file(tmp_path / "whole"), load_file(tmp_path / "shared")
    for name, tensor in whole.items():
        torch.testing.assert_close(shared[name], tensor, rtol=1e-5, atol=1e-6)


class Line(nn.Module):
    """One weight, loss w * x per sequence: the gradient of the mean is the mean of x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Product(nn.Module):
    def forward(self, model: Line, batch: SequenceBatch, step: int, across: object) -> Loss:
        return Loss(model.weight * batch.inputs.squeeze(1), {}, {})


def engine(**clip: float | None) -> tuple[Line, AccelerateEngine]:
    model = Line()
    optimizer = registry.build("optimizer", {"kind": "sgd", "lr": 1.0})(list(model.parameters()))
    settings = {"clip_norm": None, "clip_value": None, **clip}
    return model, AccelerateEngine(model, Product(), {"joint": optimizer}, Accelerator(cpu=True), "fp32", **settings)


def batch(*values: float) -> SequenceBatch:
    return SequenceBatch(torch.tensor(values)[:, None], torch.ones(len(values), dtype=torch.int64))


def test_micro_batches_of_unequal_size_add_up_to_the_mean_over_all_sequences() -> None:
    model, held = engine()
    held.accumulate([batch(1.0, 2.0, 3.0), batch(10.0)], step=0)
    assert model.weight.grad is not None
    assert model.weight.grad.item() == pytest.approx(4.0)  # (1 + 2 + 3 + 10) / 4, not the mean of 2 and 10


@pytest.mark.parametrize(("clip", "moved"), [({"clip_norm": 0.5}, 0.5), ({"clip_value": 0.25}, 0.25), ({}, 4.0)])
def test_clipping(clip: dict[str, float], moved: float) -> None:
    model, held = engine(**clip)
    held.accumulate([batch(4.0)], step=0)
    assert held.update("joint")
    assert model.weight.item() == pytest.approx(-moved, rel=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_non_finite_gradient_moves_nothing_and_is_counted(bad: float) -> None:
    model, held = engine(clip_norm=5.0)
    for count in (1, 2):
        held.accumulate([batch(1.0, bad)], step=0)
        assert not held.update("joint")
        assert held.skipped == count
        assert model.weight.item() == 0.0
    held.accumulate([batch(1.0)], step=0)
    assert held.update("joint")
    assert held.skipped == 0
    assert model.weight.item() == pytest.approx(-1.0)


def test_clipping_by_value_does_not_let_an_infinite_gradient_through() -> None:
    model, held = engine(clip_value=250.0)
    held.accumulate([batch(1.0, float("inf"))], step=0)
    assert not held.update("joint")
    assert model.weight.item() == 0.0


def test_each_optimiser_counts_its_own_refusals() -> None:
    encoder, decoder = nn.Linear(1, 1), nn.Linear(1, 1)
    optimizers = {"encoder": torch.optim.SGD(encoder.parameters()), "decoder": torch.optim.SGD(decoder.parameters())}
    accelerator = Accelerator(cpu=True)
    held = AccelerateEngine(nn.ModuleList([encoder, decoder]), Product(), optimizers, accelerator, "fp32", None, None)
    for count in (1, 2, 3):
        for part, gradient in ((encoder, float("nan")), (decoder, 1.0)):
            part.weight.grad = torch.full_like(part.weight, gradient)
        assert not held.update("encoder")
        assert held.update("decoder")
        assert held.skipped == count
