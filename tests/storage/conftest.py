import pytest
import torch

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.model import build_model
from seqvae.vae import SeqVAE

SENTENCES = ["the cat sat on the mat", "a dog ran", "one two three four"]
OVERRIDES = [
    "tokenizer=word",
    "model.encoder.embedding=6",
    "model.encoder.hidden=8",
    "model.posterior.latent=3",
    "model.decoder.embedding=6",
    "model.decoder.hidden=8",
]


def build(*overrides, seed=0):
    recipe = recipes.load("text-lstm", [*OVERRIDES, *overrides])
    codec = registry.build("tokenizer", recipe.tokenizer)
    codec.fit(SENTENCES, 0)
    torch.manual_seed(seed)
    model = build_model(codec.spec, recipe.to_config()["model"])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5)  # something to say
    metrics = {"step": 7, "validation": {"elbo_nats": -12.5, "rate_nats": 3.25, "rate_per_dimension": [1.0, 2.0, 0.25]}}
    return SeqVAE(model, codec, registry.build("modality", recipe.modality), recipe, 12, metrics)


@pytest.fixture
def sentences():
    return SENTENCES


@pytest.fixture
def make_vae():
    return build


@pytest.fixture
def vae():
    return build()


@pytest.fixture
def saved(vae, tmp_path):
    vae.save_pretrained(tmp_path / "model")
    return tmp_path / "model"
