"""A text model that is nothing but its shape, with heads whose landscape is known: f(z) = slope . z."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.heads.property_heads import PropertyHeads
from seqvae.model import build_model
from seqvae.vae import SeqVAE

SENTENCES = ["the cat sat on the mat", "a dog ran", "rain falls at night", "the dog sat", "one two three four"]
LATENT = 4
OVERRIDES = [
    "tokenizer=word",
    "model.encoder.embedding=8",
    "model.encoder.hidden=16",
    f"model.posterior.latent={LATENT}",
    "model.decoder.embedding=8",
    "model.decoder.hidden=24",
    "model.decoder.dropout=0",
]


CLASSES = "model.condition={kind: classes, names: [old, new], width: 2, encoder: true}"


def shape(*overrides: str) -> SeqVAE:
    """The model, with a head for `words`."""
    recipe = recipes.load("text-lstm", [*OVERRIDES, *overrides])
    codec = registry.build("tokenizer", recipe.tokenizer)
    codec.fit(SENTENCES, 0)
    torch.manual_seed(0)
    model = build_model(codec.spec, recipe.to_config()["model"])
    with torch.no_grad():
        for parameter in set(model.parameters()) - set(model.condition.parameters()):
            parameter.mul_(3)  # initial weights are small; at this size z decides what is decoded, and a class where there is one
    vae = SeqVAE(model.eval(), codec, registry.build("modality", recipe.modality), recipe, 8)
    vae.model.heads = PropertyHeads({"words": linear_head([1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.5])})
    return vae


@pytest.fixture
def vae() -> SeqVAE:
    return shape()


@pytest.fixture
def told() -> SeqVAE:
    """The same with two classes, `old` and `new`, of which encoder and decoder are told."""
    return shape(CLASSES)


def linear_head(*slopes: list[float], kind: str = "regression") -> Any:
    """A head whose members are z -> slope . z."""
    head = registry.build("head", {"kind": kind, "depth": 0, "ensemble": len(slopes)}, torch.Size([len(slopes[0])]))
    with torch.no_grad():
        head.network.layers[0].weight.copy_(torch.tensor(slopes)[..., None])
        head.network.layers[0].bias.zero_()
    return head.eval()


@pytest.fixture
def make_head() -> Callable[..., Any]:
    return linear_head


@pytest.fixture
def sentences() -> list[str]:
    return list(SENTENCES)
