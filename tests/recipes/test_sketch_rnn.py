"""The sketch-rnn recipes against what the published code logs and counts (Ha & Eck 2017, arXiv 1704.03477)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel, build_model
from seqvae.rate import Rate
from seqvae.steps import StepSpec

NAMES = ["sketch-rnn", "sketch-layernorm", "sketch-hyper"]
STROKES = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))
LONGEST, DIMENSIONS = 250, 128
SMALL = [
    "model.encoder.hidden=8",
    "model.decoder.hidden=8",
    "model.posterior.latent=6",
    "model.likelihood.components=3",
]


def build(name: str, *overrides: str) -> SequenceModel:
    return build_model(STROKES, recipes.load(name, overrides).to_config()["model"])


def test_the_published_number_of_weights_and_a_second_bias_for_each_lstm() -> None:
    """2,186,107 in the published code; torch's LSTM keeps two biases where one would do, 2 x 4 x 256 + 4 x 512 weights more."""
    assert sum(p.numel() for p in build("sketch-rnn").parameters()) == 2_186_107 + 4096 == 2_190_203


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("step", "weight", "rate"),
    [
        (0, 0.01, 0.001),
        (1000, 0.0338981647, 9.0578456e-4),
        (20_000, 0.3197435804, 1.4396853e-4),
        (23_020, 0.3450, 0.000109),
        (100_000, 0.4966988187, 1e-5),
    ],
)
def test_the_logged_schedules(name: str, step: int, weight: float, rate: float) -> None:
    """w of w L_KL, and the learning rate. Step 23,020 is out of a log of the published code, the rest are its formulas."""
    recipe = recipes.load(name)
    beta = registry.build("objective", recipe.objective).beta
    assert beta(step) * DIMENSIONS / LONGEST == pytest.approx(weight, abs=5e-5 if step == 23_020 else 1e-10)
    schedule = registry.build("schedule", recipe.training.learning_rate)
    assert recipe.training.optimizer["lr"] * schedule(step) == pytest.approx(rate, abs=5e-7)


def test_a_cell_changes_on_the_command_line_by_its_keys_or_by_its_name() -> None:
    changed = recipes.load("sketch-rnn", ["model.decoder.cell.recurrent_dropout=0.25", "model.encoder.cell=hyper_lstm"]).model
    assert changed.decoder["cell"] == {"kind": "lstm", "recurrent_dropout": 0.25, "initialisation": "orthogonal"}
    assert changed.encoder["cell"] == {"kind": "hyper_lstm", "recurrent_dropout": 0.1, "small": 256, "bottleneck": 32}


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_is_the_published_one_times_the_longest(name: str) -> None:
    """N_max (L_R + w max(L_KL, 0.2)), L_KL the mean over batch and dimensions, L_R the mean over batch and N_max."""
    policy = registry.build("objective", recipes.load(name).objective).rate
    for scale in (0.1, 3.0):
        kl: Tensor = scale * torch.rand(7, DIMENSIONS, dtype=torch.float64)
        charged = policy(Rate({"z": kl}), lambda mean: mean).mean().item()
        assert charged == pytest.approx(DIMENSIONS * max(kl.mean().item(), 0.2), rel=1e-12)


ADVERSARIAL = {
    "zeros": torch.zeros(9, 2),
    "one point": torch.zeros(1, 2),
    "huge": torch.tensor([[1e4, -1e4], [-1e4, 1e4], [1e4, 1e4]]),
    "long": 0.1 * torch.ones(300, 2),
}


def stroke5(offsets: Tensor) -> Tensor:
    pen = torch.tensor([1.0, 0.0, 0.0]).expand(len(offsets), 3)
    return torch.cat([torch.cat([offsets, pen], dim=1), torch.tensor([[0.0, 0.0, 0.0, 0.0, 1.0]])])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_adversarial_batches_leave_loss_and_gradient_finite(name: str, kind: str) -> None:
    model = build(name, *SMALL).train()
    objective = registry.build("objective", recipes.load(name).objective)
    steps = stroke5(ADVERSARIAL[kind])
    batch = SequenceBatch(steps.expand(2, *steps.shape), torch.tensor([len(steps)] * 2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = objective(model, batch, 0).total
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
