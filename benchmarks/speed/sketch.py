"""Everything that is timed about sketches: training in real points per second, and sampling, against the textbook loop.

Ours goes through the pieces that the trainer uses, at the batch size that both share: length-bucketed batches, the precision that
the hardware has, the recipes' cells, objective, optimiser and clipping. Both sides start from the same weights and must find the
same loss.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console

from benchmarks.speed.text import ratio_table
from benchmarks.speed.textbook_sketch import TextbookSketch
from benchmarks.speed.timing import Ratio, in_turn
from benchmarks.speed.training import endless
from seqvae import __version__, registry
from seqvae import recipe as recipes
from seqvae.batch import SequenceBatch, pad
from seqvae.data.batches import bucket_batches
from seqvae.data.prepare import prepare
from seqvae.generation.loop import generate
from seqvae.generation.rules import SamplingRule
from seqvae.inference import evaluating
from seqvae.model import SequenceModel, build_model
from seqvae.recipe import Recipe
from seqvae.training.engine import AccelerateEngine
from seqvae.training.precision import resolve_precision

BATCH = 100  # the published code's
DROPOUT = 0.1
TARGETS = {"sketch-rnn": 10.0, "sketch-layernorm": 3.0, "sketch-hyper": 3.0}


@dataclass(frozen=True)
class Effort:
    """How much is measured, and at which widths (None: the recipes')."""

    turns: int
    batches: int
    drawn: int
    alone: int
    hidden: int | None = None


FULL = Effort(turns=3, batches=2, drawn=256, alone=8)
QUICK = Effort(turns=3, batches=1, drawn=16, alone=2, hidden=16)


@dataclass(frozen=True)
class Drawings:
    """Training sketches as batches of steps.

    Attributes:
        name: where they come from.
        sketches: arrays `[T,5]`, their ends included.
    """

    name: str
    sketches: list[np.ndarray]

    @property
    def lengths(self) -> np.ndarray:
        """`[N]` steps."""
        return np.array([len(sketch) for sketch in self.sketches])

    def batch(self, rows: np.ndarray) -> SequenceBatch:
        """The sketches of some rows, padded to the longest of them."""
        return SequenceBatch(*pad([torch.from_numpy(self.sketches[row]) for row in rows]))


def drawings(card: str = "aaron_sheep") -> Drawings:
    """The training drawings of a card where `SEQVAE_DATA` has them, else random walks of the lengths of aaron_sheep."""
    root = os.environ.get("SEQVAE_DATA")
    if root and (Path(root) / "sketch" / f"{card}.npz").is_file():
        recipe = recipes.load("sketch-rnn", [f"data={card}"])
        store = prepare(recipe.data, registry.build("modality", recipe.modality), recipe.tokenizer, 0).splits["train"]
        return Drawings(card, [np.array(store[row]) for row in range(len(store))])
    random = np.random.default_rng(0)
    lengths = np.clip(random.gamma(6.5, 19.2, 7400).astype(int), 2, 250)
    return Drawings("random walks", [_walk(random, points) for points in lengths])


def _walk(random: np.random.Generator, points: int) -> np.ndarray:
    steps = np.zeros((points + 1, 5), dtype=np.float32)
    steps[:-1, :2] = random.normal(size=(points, 2))
    lifts = random.random(points) < 0.1
    steps[:-1, 2], steps[:-1, 3], steps[-1, 4] = ~lifts, lifts, 1
    return steps


def measure(quick: bool) -> dict[str, Any]:
    """The whole benchmark; `quick` only shows that it runs."""
    effort = QUICK if quick else FULL
    drawn = drawings()
    ratios, agreement = [training("sketch-rnn", _recipe("sketch-rnn", effort), drawings("omniglot"), effort)], {}
    for name in TARGETS:
        recipe = _recipe(name, effort)
        ratios.append(training(name, recipe, drawn, effort))
        agreement[name] = same_loss(recipe, drawn)
    ratios.append(sampling(_recipe("sketch-rnn", effort), drawn, effort))
    return {
        "benchmark": "speed sketch" + (" --quick" if quick else ""),
        "drawings": drawn.name,
        "threads": torch.get_num_threads(),
        "hardware": torch.backends.cpu.get_cpu_capability(),
        "precision": resolve_precision("auto", torch.device("cpu")),
        "versions": {"seqvae": __version__, "torch": torch.__version__},
        "ratios": [ratio.to_json() for ratio in ratios],
        "loss_difference": agreement,
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The result as a table, and whether both sides compute the same."""
    console.print(ratio_table(result))
    for name, difference in result["loss_difference"].items():
        console.print(f"{name}: -ELBO in float64 differs by at most {difference:.1e} of itself")


def _recipe(name: str, effort: Effort) -> Recipe:
    widths = [] if effort.hidden is None else [f"model.{part}.hidden={effort.hidden}" for part in ("encoder", "decoder")]
    return recipes.load(name, widths)


def _models(recipe: Recipe, longest: int, seed: int = 0) -> tuple[SequenceModel, TextbookSketch]:
    """Two models of equal weights, the second computed the textbook's way."""
    spec = registry.build("tokenizer", recipe.tokenizer).spec
    built = []
    for _ in range(2):
        torch.manual_seed(seed)
        built.append(build_model(spec, recipe.to_config()["model"]))
    return built[0], TextbookSketch(built[1], longest, DROPOUT)


def training(name: str, recipe: Recipe, drawn: Drawings, effort: Effort) -> Ratio:
    """Real points per second of both, 100 sketches a batch."""
    longest = int(drawn.lengths.max())
    model, baseline = _models(recipe, longest)
    optimizer = torch.optim.Adam(baseline.parameters(), lr=1e-3)
    accelerator = Accelerator(cpu=True)
    objective, plan = registry.build("objective", recipe.objective), registry.build("plan", recipe.plan)
    make = registry.build("optimizer", recipe.training.optimizer)
    optimizers = {key: make(parameters) for key, parameters in plan.parameters(model, objective).items()}
    precision = resolve_precision("auto", accelerator.device)
    engine = AccelerateEngine(model, objective, optimizers, accelerator, precision, None, recipe.training.clip_value)
    order = np.random.default_rng(0).permutation(len(drawn.lengths))
    theirs = endless(lambda epoch: np.array_split(order, len(order) // BATCH))
    ours = endless(lambda epoch: bucket_batches(drawn.lengths, 10**9, BATCH, seed=0, epoch=epoch))

    def textbook_turn() -> float:
        baseline.train()
        points = 0
        for _ in range(effort.batches):
            batch = drawn.batch(next(theirs))
            optimizer.zero_grad()
            baseline.loss(batch, torch.randn(len(batch), *baseline.model.event_shape)).mean().backward()
            torch.nn.utils.clip_grad_value_(baseline.parameters(), recipe.training.clip_value)
            optimizer.step()
            points += int(batch.lengths.sum())
        return points

    def our_turn() -> float:
        model.train()
        points = 0
        for step in range(2 * effort.batches):  # buckets differ in length: more of them, to see the usual ones
            batch = drawn.batch(next(ours))
            plan.step(engine, [batch], step)
            points += int(batch.lengths.sum())
        return points

    note = f"{precision} against fp32; {BATCH} sketches a batch, mean {drawn.lengths.mean():.0f}, longest {longest} steps"
    return Ratio(f"training {name}, {drawn.name}", "points", *in_turn(textbook_turn, our_turn, effort.turns), TARGETS[name], note)


@torch.no_grad()
def same_loss(recipe: Recipe, drawn: Drawings) -> float:
    """The greatest difference between both -ELBOs at equal weights and latents, relative, in float64.

    Without dropout, and without the textbook's 1e-6, which an untrained model's outliers do notice.
    """
    batch = drawn.batch(np.arange(4))
    batch = replace(batch, inputs=batch.inputs.double())
    model, baseline = _models(recipe, batch.inputs.shape[1])
    model.double()
    baseline.double().eval()
    baseline.epsilon = 0.0
    with evaluating(model):
        torch.manual_seed(0)
        output = model(batch)
        noise = ((output.z - output.posterior.mean) / output.posterior.stddev)[0]
    ours, theirs = output.distortion + output.rate.total, baseline.loss(batch, noise)
    return float(((ours - theirs) / theirs).abs().max())


def sampling(recipe: Recipe, drawn: Drawings, effort: Effort) -> Ratio:
    """Points per second of both, sketches of the data's mean length from the prior."""
    longest = int(drawn.lengths.max())
    model, baseline = _models(recipe, longest)
    for one in (model, baseline.model):
        one.likelihood.project.bias.data[2] = -np.log(
            drawn.lengths.mean() / 2
        )  # an untrained model would stop at every third point
    baseline.eval()
    precision = resolve_precision("auto", torch.device("cpu"))

    def theirs() -> float:
        return float(sum(baseline.sample() for _ in range(effort.alone)))

    def ours() -> float:
        with evaluating(model), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            z = model.prior().sample(torch.Size([effort.drawn]))
            return float(sum(map(len, generate(model, z, SamplingRule(), longest))))

    note = f"{precision} against fp32; the textbook draws one at a time, on to the longest, and cuts at the end"
    return Ratio(f"sampling {effort.drawn} sketches", "points", *in_turn(theirs, ours, effort.turns), 30.0, note)
