"""Tiny models with something to say: weights large enough that latents and prefixes change what comes next."""

from collections.abc import Callable

import pytest
import torch

from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_model() -> Callable[..., SequenceModel]:
    def make(
        size: int = 20, *, scale: float = 8.0, eos_bias: float = 0.0, seed: int = 0, latent: int = 3, **decoder
    ) -> SequenceModel:
        torch.manual_seed(seed)
        config = {
            "encoder": {"kind": "rnn", "embedding": 4, "hidden": 6},
            "posterior": {"kind": "diagonal", "latent": latent},
            "prior": {"kind": "standard_normal"},
            "decoder": {"kind": "rnn", "embedding": 6, "hidden": 10, "dropout": 0.5, **decoder},
            "likelihood": {"kind": "categorical"},
        }
        model = build_model(StepSpec(size=size), config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(scale)
            model.likelihood.bias[2] += eos_bias
        return model.eval()

    return make
