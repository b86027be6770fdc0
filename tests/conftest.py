"""Fixtures that many tests share: two kinds of steps, ragged batches, and a model small enough to build in a millisecond."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis
import pytest
import torch

from seqvae.batch import SequenceBatch, pad
from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec

TOKENS = StepSpec(size=23)
STROKES = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))


def pytest_configure() -> None:
    torch.set_num_threads(1)  # tiny tensors: a second thread only costs
    hypothesis.settings.register_profile("same everywhere", deadline=None, derandomize=True)  # a busy machine is no failure
    hypothesis.settings.load_profile("same everywhere")


@pytest.fixture(autouse=True)
def _same_chance_every_time() -> None:
    torch.manual_seed(0)


@pytest.fixture(params=["tokens", "strokes"])
def steps(request: pytest.FixtureRequest) -> StepSpec:
    """Both kinds of steps, one after the other."""
    return TOKENS if request.param == "tokens" else STROKES


@pytest.fixture
def tokens() -> StepSpec:
    return TOKENS


@pytest.fixture
def make_batch() -> Callable[..., SequenceBatch]:
    """`make_batch(steps, lengths, dtype=...)`: random sequences of these lengths; tokens end in EOS, padding is in place."""

    def make(
        steps: StepSpec, lengths: Sequence[int] = (5, 2, 7, 1), dtype: torch.dtype = torch.float32, seed: int = 0
    ) -> SequenceBatch:
        generator = torch.Generator().manual_seed(seed)
        if steps.discrete:
            words = [torch.randint(4, steps.size, (n,), generator=generator) for n in lengths]
            for word in words:
                word[-1] = steps.eos
            return SequenceBatch(*pad(words, steps.pad))
        vectors = [torch.randn(n, steps.size, generator=generator, dtype=torch.float64).to(dtype) for n in lengths]
        return SequenceBatch(*pad(vectors))

    return make


@pytest.fixture
def longer() -> Callable[..., SequenceBatch]:
    """`longer(batch, more)`: the same sequences with `more` further positions, and rubbish in every padded one."""

    def make(batch: SequenceBatch, more: int = 3) -> SequenceBatch:
        shape = (len(batch), batch.inputs.shape[1] + more, *batch.inputs.shape[2:])
        if batch.inputs.is_floating_point():
            rubbish = torch.full(shape, 1e3, dtype=batch.inputs.dtype)
        else:
            rubbish = torch.randint(0, int(batch.inputs.max()) + 1, shape)
        rubbish[:, : batch.inputs.shape[1]][batch.mask] = batch.inputs[batch.mask]
        return SequenceBatch(rubbish, batch.lengths)

    return make


@pytest.fixture
def model_config() -> dict[str, Any]:
    """A `model` section of the five smallest parts, without dropout."""
    return {
        "encoder": {"kind": "rnn", "embedding": 6, "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": {"kind": "standard_normal"},
        "decoder": {"kind": "rnn", "embedding": 6, "hidden": 8, "dropout": 0.0},
        "likelihood": {"kind": "categorical"},
    }


@pytest.fixture
def make_model(model_config: dict[str, Any]) -> Callable[..., SequenceModel]:
    """`make_model(decoder={"injection": ("input",)})`: the tiny token model in float64, keys of its parts changed."""

    def make(steps: StepSpec = TOKENS, dtype: torch.dtype = torch.float64, **changes: dict[str, Any]) -> SequenceModel:
        config = {part: {**settings, **changes.get(part, {})} for part, settings in model_config.items()}
        torch.manual_seed(0)
        return build_model(steps, config).to(dtype)

    return make
