"""What every decoder must do. A new decoder is one line in `CASES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.steps import StepSpec

SMALL = {"embedding": 6, "hidden": 8, "dropout": 0.0}
TINY = {"hidden": 8, "layers": 2, "heads": 2, "dropout": 0.0}
CASES: list[dict[str, Any]] = [
    {"kind": "rnn", **SMALL},
    {"kind": "rnn", **SMALL, "cell": "gru", "layers": 2},
    {"kind": "rnn", **SMALL, "layers": 2, "injection": ("initial_state",)},
    {"kind": "rnn", **SMALL, "injection": ("input",)},
    {"kind": "rnn", **SMALL, "layers": 2, "injection": ("skip",)},
    {"kind": "rnn", **SMALL, "cell": "gru", "layers": 2, "injection": ("initial_state", "skip")},
    {"kind": "rnn", **SMALL, "cell": {"kind": "lstm", "recurrent_dropout": 0.1}, "injection": ("tanh_state", "input")},
    {"kind": "rnn", **SMALL, "cell": "layer_norm_lstm"},
    {"kind": "rnn", **SMALL, "cell": {"kind": "hyper_lstm", "small": 4, "bottleneck": 3}, "injection": ("tanh_state", "input")},
    {"kind": "transformer", **TINY},
    {"kind": "transformer", **TINY, "injection": ("memory",)},
    {"kind": "transformer", **TINY, "injection": ("embedding",)},
    {"kind": "gpt", **TINY},
    {"kind": "gpt", **TINY, "injection": ("memory",)},
    {"kind": "gpt", **TINY, "injection": ("embedding",)},
    {"kind": "t5", **TINY},
]
EVENTS = [torch.Size([3]), torch.Size([2, 2])]
SAMPLES = 3
MakeBatch = Callable[..., SequenceBatch]


@pytest.fixture(params=CASES, ids=str)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.fixture(params=EVENTS, ids=["vector", "sequence"])
def event(request: pytest.FixtureRequest) -> torch.Size:
    return request.param


@pytest.fixture
def decoder(config: dict[str, Any], steps: StepSpec, event: torch.Size) -> nn.Module:
    """In float64, so that what must be equal can be asked to be."""
    return registry.build("decoder", config, steps, event).double().eval()


@pytest.fixture
def batch(steps: StepSpec, make_batch: MakeBatch) -> SequenceBatch:
    return make_batch(steps, dtype=torch.float64)


@pytest.fixture
def z(batch: SequenceBatch, event: torch.Size) -> Tensor:
    return torch.randn(SAMPLES, len(batch), *event, dtype=torch.float64)


def rows_of(state: Any) -> list[Tensor]:
    """Every tensor that a state holds."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, int):
        return []
    held = state if isinstance(state, dict) else None if isinstance(state, (list, tuple)) else vars(state)
    parts = state if held is None else held.values()
    return [tensor for part in parts for tensor in rows_of(part)]


def step_by_step(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> Tensor:
    """Features `[R,T,H]` of latents `[R,*event]` and a batch of R, one `step` at a time."""
    previous = decoder.steps.shift_right(batch.inputs)
    state, features = decoder.start(z), []
    for t in range(batch.inputs.shape[1]):
        feature, state = decoder.step(previous[:, t], state)
        features.append(feature)
    return torch.stack(features, dim=1)


def test_every_registered_decoder_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("decoder"))


def test_features_have_the_stated_width(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    assert decoder(z, batch).shape == (SAMPLES, *batch.inputs.shape[:2], decoder.width)
    assert decoder.embedding.width == decoder.embedding(batch.inputs).shape[-1]


def test_a_step_is_predicted_from_the_steps_before_it_alone(
    decoder: nn.Module, z: Tensor, steps: StepSpec, batch: SequenceBatch
) -> None:
    features = decoder(z, batch)
    for t in range(batch.inputs.shape[1]):
        inputs = batch.inputs.clone()
        inputs[:, t] = (inputs[:, t] + 1) % steps.size if steps.discrete else inputs[:, t] + 1
        moved = (decoder(z, replace(batch, inputs=inputs)) - features).abs().amax(dim=(0, 3))  # [B,T]
        assert moved[:, : t + 1].max() == 0, f"step {t} is seen before it is predicted"
        assert (moved[:, t + 1 :] > 1e-9).all(), f"step {t} is forgotten"


def test_the_latent_is_felt_at_every_step(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    moved = (decoder(z + 0.5, batch) - decoder(z, batch)).abs().amax(-1)
    assert (moved > 1e-9).all()


def test_every_latent_number_is_felt(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    leaf = z.clone().requires_grad_()
    decoder(leaf, batch).square().sum().backward()
    assert (leaf.grad.abs() > 0).all()


def test_one_step_at_a_time_is_teacher_forcing(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    torch.testing.assert_close(step_by_step(decoder, z[0], batch), decoder(z, batch)[0], rtol=0, atol=1e-12)


def test_samples_do_not_meet(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    alone = torch.cat([decoder(z[s : s + 1], batch) for s in range(SAMPLES)])
    torch.testing.assert_close(decoder(z, batch), alone, rtol=0, atol=1e-12)


def test_rows_do_not_meet(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    for row, length in enumerate(batch.lengths.tolist()):
        alone = SequenceBatch(batch.inputs[row : row + 1, :length], batch.lengths[row : row + 1])
        features = decoder(z[:, row : row + 1], alone)
        torch.testing.assert_close(features[:, 0], decoder(z, batch)[:, row, :length], rtol=0, atol=1e-12)


def test_padding_changes_no_real_step(
    decoder: nn.Module, z: Tensor, batch: SequenceBatch, longer: Callable[..., SequenceBatch]
) -> None:
    real = batch.mask.expand(SAMPLES, -1, -1)
    features = decoder(z, longer(batch))[:, :, : batch.inputs.shape[1]]
    torch.testing.assert_close(features[real], decoder(z, batch)[real], rtol=0, atol=1e-12)


@pytest.mark.parametrize("index", [[2, 0], [1, 1, 1, 3, 0], [3]])
def test_selected_rows_go_on_as_if_they_had_been_alone(
    decoder: nn.Module, z: Tensor, batch: SequenceBatch, index: list[int]
) -> None:
    chosen = torch.tensor(index)
    previous = decoder.steps.shift_right(batch.inputs)
    state = decoder.start(z[0])
    for t in range(3):
        _, state = decoder.step(previous[:, t], state)
    kept = [tensor.clone() for tensor in rows_of(state)]
    features, _ = decoder.step(previous[chosen, 3], decoder.select(state, chosen))
    alone = step_by_step(decoder, z[0, chosen], SequenceBatch(batch.inputs[chosen], batch.lengths[chosen]))[:, 3]
    torch.testing.assert_close(features, alone, rtol=0, atol=1e-12)
    for before, after in zip(kept, rows_of(state), strict=True):
        assert torch.equal(before, after), "select or step changed the state it was given"


def test_gradients_reach_every_parameter(decoder: nn.Module, z: Tensor, batch: SequenceBatch) -> None:
    decoder(z, batch).square().sum().backward()
    still = [name for name, p in decoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not still, f"no gradient reaches {still}"


def test_float32_agrees_with_float64(decoder: nn.Module, z: Tensor, batch: SequenceBatch, steps: StepSpec) -> None:
    exact = decoder(z, batch)
    inputs = batch.inputs if steps.discrete else batch.inputs.float()
    rough = decoder.float()(z.float(), replace(batch, inputs=inputs))
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.double(), exact, rtol=1e-5, atol=1e-6)


def test_bf16_autocast_stays_near(
    decoder: nn.Module, config: dict[str, Any], z: Tensor, batch: SequenceBatch, steps: StepSpec
) -> None:
    """States are of the order of 1 and bf16 keeps 8 bits; two layers, seven steps. T5 does not scale its scores down."""
    near = 0.1 if config["kind"] == "t5" else 0.03
    exact = decoder(z, batch)
    narrow = SequenceBatch(batch.inputs if steps.discrete else batch.inputs.float(), batch.lengths)
    decoder.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        forced = decoder(z.float(), narrow)
        stepped = step_by_step(decoder, z[0].float(), narrow)
    torch.testing.assert_close(forced.double(), exact, rtol=0, atol=near)
    torch.testing.assert_close(stepped.double(), exact[0], rtol=0, atol=near)
