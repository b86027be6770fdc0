"""Everything that is timed about molecules, as one JSON-able result and as tables."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.speed import textbook_molecule
from benchmarks.speed.textbook_molecule import TextbookVae
from benchmarks.speed.timing import Ratio, in_turn
from benchmarks.speed.training import OurTraining, endless
from seqvae import __version__, registry
from seqvae.data.batches import bucket_batches
from seqvae.data.prepare import Prepared, prepare
from seqvae.data.settings import DataSettings
from seqvae.generation.loop import generate
from seqvae.generation.rules import SamplingRule
from seqvae.inference import evaluating
from seqvae.modalities.grammar.codec import FIRST
from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec
from seqvae.training.precision import resolve_precision

RATE, CLIP = 3e-4, 50.0  # MOSES's
LONGEST = 100


@dataclass(frozen=True)
class Effort:
    """How much is measured: molecules to train on, batches and samples a turn, turns; and whether all of ZINC250k is prepared."""

    molecules: int
    batches: int
    drawn: int
    turns: int
    zinc: bool


FULL = Effort(20_000, 4, 10_000, 3, True)
QUICK = Effort(600, 1, 64, 1, False)


def measure(quick: bool) -> dict[str, Any]:
    """The whole benchmark; `quick` only shows that it runs."""
    effort = QUICK if quick else FULL
    found = molecules(effort)
    torch.manual_seed(0)
    model = build_ours(found.codec.spec)
    baseline = TextbookVae(found.codec.pieces)  # type: ignore[attr-defined]
    ratios = [training(found, model, baseline, effort), sampling(model, baseline, effort), masking(effort)]
    return {
        "benchmark": "speed molecule" + (" --quick" if quick else ""),
        "threads": torch.get_num_threads(),
        "hardware": torch.backends.cpu.get_cpu_capability(),
        "precision": resolve_precision("auto", torch.device("cpu")),
        "versions": {"seqvae": __version__, "torch": torch.__version__},
        "ratios": [ratio.to_json() for ratio in ratios],
        "prepare": preparing() if effort.zinc else None,
    }


def molecules(effort: Effort) -> Prepared:
    """The first so many of ZINC250k where `SEQVAE_DATA` has it, else those that come with RDKit."""
    zinc = (Path(os.environ.get("SEQVAE_DATA", "")) / "molecules" / "zinc250k.csv.gz").is_file()
    settings = DataSettings(source="zinc250k" if zinc else "nci", max_length=LONGEST, max_rejected=0.2, limit=effort.molecules)
    return prepare(settings, registry.build("modality", {"kind": "molecule"}), {"kind": "smiles"}, 0)


def build_ours(spec: StepSpec) -> SequenceModel:
    """MOSES's sizes out of registered parts."""
    config = {
        "encoder": {"kind": "rnn", "cell": "gru", "embedding": spec.size, "hidden": 256, "bidirectional": False, "pooling": "last"},
        "posterior": {"kind": "diagonal", "latent": textbook_molecule.LATENT},
        "prior": {"kind": "standard_normal"},
        "decoder": {"kind": "rnn", "cell": "gru", "embedding": spec.size, "hidden": 512, "layers": 3, "dropout": 0.0},
        "likelihood": {"kind": "categorical"},
    }
    return build_model(spec, config)


def training(found: Prepared, model: SequenceModel, baseline: TextbookVae, effort: Effort) -> Ratio:
    """Molecules per second, batches of 512 on either side."""
    store, size = found.splits["train"], min(textbook_molecule.BATCH, len(found.splits["train"]))
    strings = found.codec.decode([store[row] for row in range(len(store))])
    step, optimizer = OurTraining(model, RATE), torch.optim.Adam(baseline.parameters(), lr=RATE)
    ours = endless(lambda epoch: bucket_batches(store.lengths, 10**9, size, seed=0, epoch=epoch))
    chance = random.Random(0)

    def textbook_turn() -> float:
        textbook_molecule.train(baseline, [chance.sample(strings, size) for _ in range(effort.batches)], optimizer, CLIP)
        return float(effort.batches * size)

    def our_turn() -> float:
        chosen: list[np.ndarray] = list(itertools.islice(ours, effort.batches))
        step.run(store, chosen)
        return float(sum(map(len, chosen)))

    note = f"{step.engine.precision} against fp32, batches of {size}"
    return Ratio("training, MOSES's sizes", "molecules", *in_turn(textbook_turn, our_turn, effort.turns), 4.0, note)


def sampling(model: SequenceModel, baseline: TextbookVae, effort: Effort) -> Ratio:
    """Molecules per second from the prior at temperature 1, to the molecules' ends or 100 tokens."""
    baseline.eval()
    batch = textbook_molecule.BATCH

    def theirs() -> float:
        return float(sum(len(baseline.sample(min(batch, effort.drawn - i), LONGEST)) for i in range(0, effort.drawn, batch)))

    def ours() -> float:
        with evaluating(model):
            z = model.prior().sample(torch.Size([effort.drawn]))
        return float(len(generate(model, z, SamplingRule(), LONGEST)))

    return Ratio(f"sampling {effort.drawn:,}", "molecules", *in_turn(theirs, ours, effort.turns), 5.0, "fp32 on both sides")


def masking(effort: Effort) -> Ratio:
    """Steps per second of a decoder under the grammar's mask, against the same decoder without it."""
    codec = registry.build("tokenizer", {"kind": "grammar", "grammar": "smiles"})
    torch.manual_seed(0)
    model = build_ours(codec.spec)
    empty = [FIRST + number for number, production in enumerate(codec.grammar.productions) if not production.right]
    with torch.no_grad():  # no end before the last step on either side, so that both advance equally many rows
        model.likelihood.bias[[codec.spec.eos, *empty]] = -30.0  # type: ignore[index,operator]
    count, longest = max(1, effort.drawn // 10), 2 * LONGEST

    def steps(masked: bool) -> float:
        constraint = codec.constraint(longest, "cpu") if masked else None
        z = torch.randn(count, textbook_molecule.LATENT)
        return float(sum(map(len, generate(model, z, SamplingRule(), longest, constraint=constraint))))

    timed = in_turn(lambda: steps(False), lambda: steps(True), effort.turns)
    return Ratio("grammar mask, masked over unmasked", "steps", *timed, 1 / 1.5, "at most 1.5 times the time a step")


def preparing() -> dict[str, float]:
    """Seconds that a process takes from ZINC250k's files to stores, nothing cached."""
    code = (
        "import time; start = time.perf_counter()\n"
        "from seqvae import registry\nfrom seqvae.data.prepare import prepare\nfrom seqvae.data.settings import DataSettings\n"
        "modality = registry.build('modality', {'kind': 'molecule'})\n"
        "prepared = prepare(DataSettings(source='zinc250k'), modality, {'kind': 'smiles'}, 0)\n"
        "print(sum(map(len, prepared.splits.values())), time.perf_counter() - start)"
    )
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "SEQVAE_CACHE": cache}
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        whole = time.perf_counter() - start
    records, seconds = done.stdout.split()
    return {"records": float(records), "seconds": float(seconds), "process_seconds": whole, "target_seconds": 120.0}


def show(result: dict[str, Any], console: Console) -> None:
    """The result as a table and a line."""
    table = Table("what", "unit/s", "textbook", "ours", "ratio: min", "median", "max", "aim", "note")
    for row in result["ratios"]:
        middle = [f"{sorted(row[side])[len(row[side]) // 2]:.4g}" for side in ("textbook", "ours")]
        ratio = [f"{row['ratio'][name]:.2f}" for name in ("min", "median", "max")]
        table.add_row(row["name"], row["unit"], *middle, *ratio, f">= {row['target']:.2f}", row["note"])
    console.print(table)
    console.print(f"prepare: {json.dumps(result['prepare'])}")
