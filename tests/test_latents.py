"""What counts as latents, and what is wrong with some."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqvae.errors import DataError
from seqvae.latents import are_latents, checked_latents
from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec

SECTION: dict[str, Any] = {
    "encoder": {"kind": "rnn", "embedding": 2, "hidden": 2},
    "posterior": {"kind": "von_mises_fisher", "latent": 3},
    "prior": {"kind": "uniform_sphere"},
    "decoder": {"kind": "rnn", "embedding": 2, "hidden": 2},
    "likelihood": {"kind": "categorical"},
}


@pytest.fixture(scope="module")
def model() -> SequenceModel:
    return build_model(StepSpec(size=6), SECTION)


@pytest.mark.parametrize("given", [torch.zeros(2, 3), np.zeros((2, 3)), np.zeros((2, 3), np.float16), np.arange(3)], ids=repr)
def test_numbers_are_latents(given: Any) -> None:
    assert are_latents(given)


@pytest.mark.parametrize("given", [["a"], np.array(["a", "b"]), np.array(["a", None], dtype=object), [[0.0, 1.0]], "a"], ids=repr)
def test_all_else_is_records(given: Any) -> None:
    assert not are_latents(given)


@pytest.mark.parametrize("given", [[[0, 0, 3]], np.array([[0, 0, 3]]), torch.tensor([[0, 0, 3.0]], dtype=torch.float64)], ids=repr)
def test_what_is_right_is_brought_to_the_support_and_to_the_models_precision(model: SequenceModel, given: Any) -> None:
    z = checked_latents(model, given)
    assert z.dtype == torch.float32
    assert z.tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, 4)), r"expected latents of shape \[N, 3\] with N at least 1, got \[2, 4\]"),
        (np.zeros(3), r"got \[3\]"),
        (np.zeros((0, 3)), r"got \[0, 3\]"),
        (np.array([[0, 1, np.inf]]), "a value that is not finite"),
        (["the cat"], r"got \['the cat'\], which holds no numbers"),
        ([[0.0, 1.0], [2.0]], "which holds no numbers"),
        (np.array(["a"], dtype=object), "which holds no numbers"),
    ],
    ids=repr,
)
def test_what_is_wrong_is_named(model: SequenceModel, given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_latents(model, given)
