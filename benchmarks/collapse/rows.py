"""The rows of the cure table: what each cure changes in `base.yaml`, as anyone would type it.

Cures that hold the rate at a number of nats hold it at about 8, so that their rows compare. `{steps}` is the length of training,
`{half}` and so on shares of it, so that one list serves data sets of different sizes.
"""

from __future__ import annotations

from pathlib import Path

from seqvae import recipe as recipes
from seqvae.recipe import Recipe

BASE = Path(__file__).with_name("base.yaml")

DATA: dict[str, list[str]] = {
    "yelp_short": [],
    "ptb": ["data=ptb", "data.limit=null", "tokenizer.vocab_size=10000", "training.steps=15000", "training.batch_tokens=1024"],
}

FREE_BITS = "objective.rate={kind: free_bits, variant: dimension_batch, nats: 0.25}"
SPHERE = "model.prior.kind=uniform_sphere"
ROWS: dict[str, list[str]] = {
    "none": [],
    "linear": ["objective.beta={kind: linear, steps: {half}}"],
    "cyclical": ["objective.beta={kind: cyclical, steps: {steps}}"],
    "free_bits": [FREE_BITS],
    "autoencoder_then_free_bits": [
        "plan={kind: phases, phases: [{steps: {third}}, {reset: [decoder]}]}",
        "objective.beta={kind: linear, steps: {tenth}, delay: {third}}",
        FREE_BITS,
    ],
    "aggressive": ["plan=aggressive_encoder", "training.validate_every={fifth}"],
    "batch_norm": ["model.posterior.batch_norm_gamma=0.7"],
    "delta": ["model.posterior={kind: delta, nats: 0.25}"],
    "von_mises_fisher": ["model.posterior={kind: von_mises_fisher, kappa: 33}", SPHERE],
    "power_spherical": ["model.posterior={kind: power_spherical, kappa: 52}", SPHERE],
    "skip": ["model.decoder.injection=[initial_state, skip]"],
    "mmd": ["objective=mmd"],
    "aae": ["objective=aae", "plan=adversarial"],
    "daae": ["objective=daae", "plan=adversarial"],
    "iwae": ["objective=iwae"],
    "full_covariance": ["model.posterior=full_covariance"],
    "iaf": ["model.posterior=iaf"],
    "minimum_rate": ["objective.rate={kind: minimum_rate, nats: 8}"],
    "geco": ["objective.rate={kind: geco, distortion: 42}"],
}


def row_recipe(row: str, data: str = "yelp_short", seed: int = 0, run: Path | None = None) -> Recipe:
    """The checked recipe of a row."""
    general = DATA[data]
    steps = recipes.load(BASE, general).training.steps
    assert steps is not None
    lengths = {"steps": steps, "half": steps // 2, "third": steps // 3, "fifth": steps // 5, "tenth": steps // 10}
    own = [_filled(change, lengths) for change in ROWS[row]]
    schedule = [f"training.learning_rate.steps={steps}", f"training.validate_every={steps // 2}"]
    where = [f"seed={seed}", *([f"out={run}"] if run else [])]
    return recipes.load(BASE, [*general, *schedule, *own, *where])


def _filled(change: str, lengths: dict[str, int]) -> str:
    """A change with the lengths put in; not `str.format`, for braces are yaml's too."""
    for name, value in lengths.items():
        change = change.replace(f"{{{name}}}", str(value))
    return change
