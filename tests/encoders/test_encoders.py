"""What every encoder must do. A new encoder is one line in `CASES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.steps import StepSpec

TINY = {"hidden": 8, "layers": 2, "heads": 2, "dropout": 0.0}
FUNNEL = {"hidden": 8, "blocks": (1, 1, 1), "heads": 2, "dropout": 0.0}
UNSEPARATED = {  # pools that take the start in
    "model_type": "funnel",
    "vocab_size": 23,
    "d_model": 8,
    "n_head": 2,
    "d_head": 4,
    "d_inner": 16,
    "block_sizes": [1, 1, 1],
    "separate_cls": False,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
}
CASES: list[dict[str, Any]] = [
    {"kind": "rnn", "embedding": 6, "hidden": 8},
    {"kind": "rnn", "embedding": 6, "hidden": 8, "cell": "gru", "pooling": "mean"},
    {"kind": "rnn", "embedding": 6, "hidden": 8, "layers": 2, "pooling": "last"},
    {"kind": "rnn", "embedding": 6, "hidden": 8, "bidirectional": False, "pooling": "last"},
    {"kind": "rnn", "embedding": 6, "hidden": 8, "cell": "layer_norm_lstm", "pooling": "last"},
    {"kind": "rnn", "embedding": 6, "hidden": 8, "cell": {"kind": "hyper_lstm", "small": 4, "bottleneck": 3}},
    *({"kind": "transformer", **TINY, "pooling": pooling} for pooling in ("cls", "mean", "max", "attention")),
    *({"kind": "bert", **TINY, "pooling": pooling} for pooling in ("cls", "mean", "max", "attention")),
    {"kind": "t5", **TINY},
    *({"kind": "funnel", **FUNNEL, "pooling": pooling} for pooling in ("mean", "max")),
    {"kind": "funnel", **FUNNEL, "architecture": UNSEPARATED},
]
MakeBatch = Callable[..., SequenceBatch]


@pytest.fixture(params=CASES, ids=str)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.fixture
def encoder(config: dict[str, Any], steps: StepSpec) -> nn.Module:
    """In float64, so that what must be equal can be asked to be."""
    return registry.build("encoder", config, steps).double().eval()


@pytest.fixture
def batch(steps: StepSpec, make_batch: MakeBatch) -> SequenceBatch:
    return make_batch(steps, dtype=torch.float64)


def test_every_registered_encoder_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("encoder"))


def test_features_are_one_vector_of_the_stated_width_a_sequence(encoder: nn.Module, batch: SequenceBatch) -> None:
    features = encoder(batch)
    assert features.shape == (len(batch), encoder.width)
    assert torch.isfinite(features).all()


def test_padding_has_no_influence(encoder: nn.Module, batch: SequenceBatch, longer: Callable[..., SequenceBatch]) -> None:
    torch.testing.assert_close(encoder(longer(batch, 5)), encoder(batch), rtol=0, atol=1e-12)


def test_padding_has_no_influence_in_float32(
    config: dict[str, Any], steps: StepSpec, make_batch: MakeBatch, longer: Callable[..., SequenceBatch]
) -> None:
    encoder, batch = registry.build("encoder", config, steps).eval(), make_batch(steps)
    torch.testing.assert_close(encoder(longer(batch, 5)), encoder(batch), rtol=0, atol=1e-6)


def test_order_in_the_batch_has_no_influence(encoder: nn.Module, batch: SequenceBatch) -> None:
    order = torch.tensor([2, 0, 3, 1])
    turned = SequenceBatch(batch.inputs[order], batch.lengths[order])
    torch.testing.assert_close(encoder(turned), encoder(batch)[order], rtol=0, atol=1e-12)


def test_a_batch_of_one_gives_the_same(encoder: nn.Module, batch: SequenceBatch) -> None:
    for row, length in enumerate(batch.lengths.tolist()):
        alone = SequenceBatch(batch.inputs[row : row + 1, :length], batch.lengths[row : row + 1])
        torch.testing.assert_close(encoder(alone)[0], encoder(batch)[row], rtol=0, atol=1e-12)


def test_every_real_step_and_its_place_matter(encoder: nn.Module, steps: StepSpec, make_batch: MakeBatch) -> None:
    batch = make_batch(steps, [6], dtype=torch.float64)
    features = encoder(batch)
    for t in range(6):
        inputs = batch.inputs.clone()
        inputs[0, t] = (inputs[0, t] + 1) % steps.size if steps.discrete else inputs[0, t] + 1
        assert (encoder(replace(batch, inputs=inputs)) - features).abs().max() > 1e-9, f"step {t} is not read"
    swapped = batch.inputs[:, [1, 0, 2, 3, 4, 5]]
    assert (encoder(replace(batch, inputs=swapped)) - features).abs().max() > 1e-9, "the encoder is a bag of steps"


def test_it_reads_the_source_where_there_is_one(encoder: nn.Module, steps: StepSpec, make_batch: MakeBatch) -> None:
    written, read = make_batch(steps, dtype=torch.float64), make_batch(steps, (3, 4, 2, 6), dtype=torch.float64, seed=1)
    torch.testing.assert_close(encoder(replace(written, source=read)), encoder(read), rtol=0, atol=0)


def test_gradients_reach_every_parameter_and_no_padding(encoder: nn.Module, batch: SequenceBatch, steps: StepSpec) -> None:
    inputs = batch.inputs if steps.discrete else batch.inputs.clone().requires_grad_()
    encoder(replace(batch, inputs=inputs)).square().sum().backward()
    still = [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert not still, f"no gradient reaches {still}"
    if steps.discrete:
        assert encoder.embedding.table.weight.grad[steps.pad].abs().max() == 0
    else:
        assert inputs.grad[~batch.mask].abs().max() == 0
        assert (inputs.grad[batch.mask].abs().amax(-1) > 0).all()


def test_float32_agrees_with_float64(encoder: nn.Module, batch: SequenceBatch, steps: StepSpec) -> None:
    exact = encoder(batch)
    inputs = batch.inputs if steps.discrete else batch.inputs.float()
    torch.testing.assert_close(encoder.float()(replace(batch, inputs=inputs)).double(), exact, rtol=1e-5, atol=1e-6)


def test_bf16_autocast_stays_near(encoder: nn.Module, batch: SequenceBatch, steps: StepSpec) -> None:
    """States are of the order of 1 and bf16 keeps 8 bits: 2^-8 a step or a layer, and few of them."""
    exact = encoder(batch)
    inputs = batch.inputs if steps.discrete else batch.inputs.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = encoder.float()(replace(batch, inputs=inputs))
    torch.testing.assert_close(rough.double(), exact, rtol=0, atol=0.03)
