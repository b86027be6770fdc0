"""Tiny models and stores, and models whose numbers are known on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.distributions.constraints import Constraint

from seqvae import recipe
from seqvae.batch import SequenceBatch
from seqvae.data.store import SequenceStore, StoreWriter
from seqvae.distributions.support import REAL
from seqvae.modalities.text.modality import TextModality
from seqvae.modalities.text.words import WordCodec
from seqvae.model import SequenceModel, build_model
from seqvae.priors.standard_normal import StandardNormalPrior
from seqvae.steps import StepSpec
from seqvae.vae import SeqVAE

SENTENCES = (
    "the cat sat on the mat",
    "a dog ran",
    "the dog sat",
    "yes",
    "a cat and a dog ran to the mat and sat on the mat",
    "no cat ran to a dog",
    "the mat",
)
LATENT = 4
StoreMaker = Callable[..., SequenceStore]


@pytest.fixture
def make_store(tmp_path: Path) -> StoreMaker:
    """Sequences (and their units and labels) to a store on disk."""

    def make(
        sequences: list[np.ndarray], spec: StepSpec, units: list[int] | None = None, labels: list[int] | None = None
    ) -> SequenceStore:
        folder = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
        with StoreWriter(folder, spec, labels=labels is not None) as writer:
            writer.append(sequences, units or [len(s) - 1 for s in sequences], range(len(sequences)), labels or ())
        return SequenceStore(folder)

    return make


@pytest.fixture
def codec() -> WordCodec:
    codec = WordCodec()
    codec.fit(SENTENCES, seed=0)
    return codec


@pytest.fixture
def model(codec: WordCodec) -> SequenceModel:
    return tiny_model(codec.spec)


@pytest.fixture
def store(make_store: StoreMaker, codec: WordCodec) -> SequenceStore:
    return make_store(codec.encode(SENTENCES), codec.spec)


@pytest.fixture
def held(model: SequenceModel, codec: WordCodec) -> SeqVAE:
    return SeqVAE(model, codec, TextModality(), recipe.load("text-lstm"), max_length=16)


@pytest.fixture
def sharp(model: SequenceModel) -> SequenceModel:
    """`model` with sigma as small as it gets (4.5e-5), so that z is the posterior mean and numbers are certain to 1e-3."""
    moments: nn.Linear = model.posterior.moments  # type: ignore[assignment]
    with torch.no_grad():
        moments.weight[LATENT:] = 0
        moments.bias[LATENT:] = -100
    return model


@pytest.fixture
def constant(model: SequenceModel) -> SequenceModel:
    """`model` with the posterior N(3.6, 1) in every dimension, whatever the record: 26 nats of rate that tell nothing."""
    moments: nn.Linear = model.posterior.moments  # type: ignore[assignment]
    with torch.no_grad():
        moments.weight.zero_()
        moments.bias.copy_(torch.cat([torch.full((LATENT,), 3.6), torch.zeros(LATENT)]))
    return model


@pytest.fixture
def uniform(model: SequenceModel) -> SequenceModel:
    """`model` with every token equally likely at each step, whatever came before."""
    with torch.no_grad():
        model.likelihood.weight.zero_()  # type: ignore[operator,union-attr]
        model.likelihood.bias.zero_()  # type: ignore[operator,union-attr]
    return model


@pytest.fixture
def conjugate() -> Callable[[float, float], SequenceModel]:
    """z ~ N(0,1), x ~ N(z,1), and q(z|x) = N(mean, scale^2) whatever x: log p(x) is known."""

    def make(mean: float, scale: float) -> SequenceModel:
        return SequenceModel(
            Lengths(), Given(mean, scale), StandardNormalPrior(torch.Size([1])), Unchanged(), GaussianObservation()
        )

    return make


@pytest.fixture
def echoing() -> Callable[..., Any]:
    """`echoing(scale)`: a model that writes its latent as its one step, and encodes what it reads as `scale` times that step."""

    def make(scale: float, support: Constraint = REAL) -> Any:
        echo, spec = Echo(), StepSpec(size=3, discrete=False, start=(0.0, 0.0, 0.0))
        echo.steps = spec  # type: ignore[assignment]
        model = SequenceModel(FirstStep(), Scaled(scale, support), StandardNormalPrior(torch.Size([3])), echo, echo)
        return SimpleNamespace(model=model, codec=SimpleNamespace(spec=spec), max_length=4, constraint=lambda: None)

    return make


def tiny_model(spec: StepSpec) -> SequenceModel:
    """An untrained LSTM VAE: dropout that must be off, both injections, posterior away from the prior."""
    torch.manual_seed(0)
    model = build_model(
        spec,
        {
            "encoder": {"kind": "rnn", "embedding": 8, "hidden": 8},
            "posterior": {"kind": "diagonal", "latent": LATENT},
            "prior": {"kind": "standard_normal"},
            "decoder": {"kind": "rnn", "embedding": 8, "hidden": 8, "dropout": 0.5},
            "likelihood": {"kind": "categorical"},
        },
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # initial weights are small; at this size z and x matter
    return model


class Lengths(nn.Module):
    """An encoder whose only feature is the length."""

    def forward(self, batch: SequenceBatch) -> Tensor:
        return batch.lengths[:, None].float()


class Given(nn.Module):
    """A posterior that is the same N(mean, scale^2) for every record."""

    def __init__(self, mean: float, scale: float) -> None:
        super().__init__()
        self.event_shape, self.mean, self.scale = torch.Size([1]), mean, scale

    def forward(self, features: Tensor) -> Distribution:
        mean = torch.full((len(features), 1), self.mean)
        return Independent(Normal(mean, torch.full_like(mean, self.scale)), 1)


class Unchanged(nn.Module):
    """A decoder that hands z on."""

    def forward(self, z: Tensor, batch: SequenceBatch) -> Tensor:
        return z


class GaussianObservation(nn.Module):
    """x ~ N(z, 1), for one step of one number."""

    def log_prob(self, features: Tensor, batch: SequenceBatch) -> Tensor:
        return Normal(features[..., 0], 1.0).log_prob(batch.inputs[:, 0, 0])


class Echo(nn.Module):
    """Decoder and likelihood at once: the one step is z, and then the end."""

    width = 3

    def start(self, z: Tensor) -> Tensor:
        return z

    def step(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return state, state

    def select(self, state: Tensor, index: Tensor) -> Tensor:
        return state[index]

    def draw(self, features: Tensor, rule: Any, generator: Any = None, allowed: Any = None) -> tuple[Tensor, Tensor]:
        return features, torch.ones(len(features), dtype=torch.bool)


class Scaled(nn.Module):
    """A posterior whose mean is the encoder's feature times a number."""

    event_shape = torch.Size([3])

    def __init__(self, scale: float, support: Constraint) -> None:
        super().__init__()
        self.scale, self.support = scale, support

    def forward(self, features: Tensor) -> Distribution:
        return Independent(Normal(self.scale * features, torch.ones_like(features)), 1)


class FirstStep(nn.Module):
    def forward(self, batch: SequenceBatch) -> Tensor:
        return batch.inputs[:, 0]
