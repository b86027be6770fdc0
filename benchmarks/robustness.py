"""Train on sketches made to break a loss, and count what is not finite.

    python -m benchmarks.robustness [STEPS]        100,000 steps unless told otherwise; about half an hour on a core

Each step is one batch of a kind drawn by chance: random sketches, nothing but zero offsets, one point, no point, offsets of 10,000
scale factors, offsets that vanish in float32's square, and now and then 2,000 points. The model is sketch-rnn at 16 units, in the
precision that the hardware has, with the recipe's objective and clipping: what it learns from one kind it brings to the next.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from accelerate import Accelerator

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.batch import SequenceBatch, pad
from seqvae.model import build_model
from seqvae.training.engine import AccelerateEngine
from seqvae.training.precision import resolve_precision

BATCH = 4
WIDTHS = [f"model.{key}=16" for key in ("encoder.hidden", "decoder.hidden", "posterior.latent")]
RARE = 0.001  # share of steps with 2,000 points: each costs as much as a hundred others

KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "random": lambda random: random.normal(size=(int(random.integers(1, 20)), 2)),
    "zero offsets": lambda random: np.zeros((int(random.integers(1, 20)), 2)),
    "one point": lambda random: random.normal(size=(1, 2)),
    "no point": lambda random: np.zeros((0, 2)),
    "huge offsets": lambda random: 1e4 * random.normal(size=(int(random.integers(1, 20)), 2)),
    "tiny offsets": lambda random: 1e-30 * random.normal(size=(int(random.integers(1, 20)), 2)),
}


def stroke5(offsets: np.ndarray, random: np.random.Generator) -> torch.Tensor:
    """Offsets with pen states by chance, and the ending step."""
    steps = np.zeros((len(offsets) + 1, 5), dtype=np.float32)
    lifts = random.random(len(offsets)) < 0.2
    steps[:-1, :2], steps[:-1, 2], steps[:-1, 3], steps[-1, 4] = offsets, ~lifts, lifts, 1
    return torch.from_numpy(steps)


def main(steps: int) -> int:
    """Train; the number of steps whose loss or gradient was not finite."""
    recipe = recipes.load("sketch-rnn", WIDTHS)
    torch.manual_seed(0)
    model = build_model(registry.build("tokenizer", recipe.tokenizer).spec, recipe.to_config()["model"]).train()
    objective, plan = registry.build("objective", recipe.objective), registry.build("plan", recipe.plan)
    make = registry.build("optimizer", recipe.training.optimizer)
    optimizers = {name: make(parameters) for name, parameters in plan.parameters(model, objective).items()}
    accelerator = Accelerator(cpu=True)
    precision = resolve_precision("auto", accelerator.device)
    engine = AccelerateEngine(model, objective, optimizers, accelerator, precision, None, recipe.training.clip_value)
    random, bad, seen = np.random.default_rng(0), 0, Counter()
    for step in range(steps):
        if random.random() < RARE:
            kind, sketches = "2,000 points", [random.normal(size=(2000, 2))]
        else:
            kind = str(random.choice(list(KINDS)))
            sketches = [KINDS[kind](random) for _ in range(BATCH)]
        batch = SequenceBatch(*pad([stroke5(offsets, random) for offsets in sketches]))
        loss = plan.step(engine, [batch], step)[0].per_sequence
        finite = bool(torch.isfinite(loss).all()) and engine.skipped == 0  # a gradient that is not finite is skipped
        bad += not finite
        seen[kind] += 1
    print(f"{steps} steps, {bad} not finite; " + ", ".join(f"{count} of {kind}" for kind, count in seen.most_common()))
    return bad


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000) > 0)
