"""A graphics card at work: BERT-base and GPT-2-small around a latent, the size of Optimus (Li et al. 2020, arXiv 2004.04092).

| measured | as |
|---|---|
| training, eager and compiled, at several batch sizes | tokens per second, and the share of the matrix units' bf16 peak |
| generation with a cache | tokens per second |

A token is one that the decoder writes; BERT reads as many. Work is counted, not estimated: the matrix products of one forward and
backward pass, by torch's flop counter. Networks are of random weights, which takes the same time. Without a card the same is
measured on the CPU, and means nothing but that it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.speed.corpus import sentence_lengths
from seqvae import __version__, registry
from seqvae.batch import SequenceBatch, pad
from seqvae.data.batches import bucket_batches
from seqvae.generation.loop import generate
from seqvae.generation.rules import SamplingRule
from seqvae.inference import device_of
from seqvae.model import SequenceModel, build_model
from seqvae.steps import StepSpec
from seqvae.training.engine import AccelerateEngine
from seqvae.training.precision import resolve_precision

# dense bf16 products per second of a card whose name holds the key, by its maker's data sheet
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "4090": 165e12}


@dataclass(frozen=True)
class Effort:
    """Sizes of the networks and of what they are given."""

    hidden: int
    layers: int
    heads: int
    vocabulary: int
    batch_tokens: tuple[int, ...]
    steps: int
    rows: int
    tokens: int


FULL = Effort(768, 12, 12, 50_257, (8_192, 32_768, 65_536), 20, 256, 64)
QUICK = Effort(16, 1, 2, 100, (256, 512), 2, 4, 8)


def measure(quick: bool) -> dict[str, Any]:
    """The whole benchmark; `quick` only shows that it runs."""
    effort = QUICK if quick else FULL
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    trained = [_training(effort, tokens, compiled) for compiled in (False, True) for tokens in effort.batch_tokens]
    peak = next((peak for key, peak in PEAKS.items() if key in name), None)
    for row in trained:
        row["share_of_peak"] = row["flops_per_second"] / peak if peak and "flops_per_second" in row else None
    return {
        "benchmark": "speed gpu" + (" --quick" if quick else ""),
        "hardware": name,
        "peak_flops_per_second": peak,
        "precision": resolve_precision("auto", device),
        "versions": {"seqvae": __version__, "torch": torch.__version__},
        "training": trained,
        "generation": _generation(effort),
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The result as a table."""
    table = Table(title=f"BERT + GPT-2, {result['hardware']}, {result['precision']}")
    for column in ("training", "tokens a batch", "tokens/s", "TFLOP/s", "share of peak", "memory, GB"):
        table.add_column(column, justify="right")
    for row in result["training"]:
        how = "compiled" if row["compiled"] else "eager"
        if "failed" in row:
            table.add_row(how, f"{row['batch_tokens']:,}", row["failed"])
            continue
        share = "-" if row["share_of_peak"] is None else f"{row['share_of_peak']:.1%}"
        speed, work, memory = row["tokens_per_second"], row["flops_per_second"] / 1e12, row["memory_gb"]
        table.add_row(how, f"{row['batch_tokens']:,}", f"{speed:,.0f}", f"{work:.2f}", share, f"{memory:.1f}")
    console.print(table)
    made = result["generation"]
    console.print(f"generation: {made['tokens_per_second']:,.0f} tokens/s, {made['rows']} rows, {made['tokens']} tokens each")


def optimus(effort: Effort) -> SequenceModel:
    """The two networks and a latent of 32 between them, of random weights, on the card if there is one."""
    sizes = {"hidden": effort.hidden, "layers": effort.layers, "heads": effort.heads}
    config = {
        "encoder": {"kind": "bert", **sizes, "pooling": "cls"},
        "posterior": {"kind": "diagonal", "latent": 32},
        "prior": {"kind": "standard_normal"},
        "decoder": {"kind": "gpt", **sizes},
        "likelihood": {"kind": "categorical", "tied": True},
    }
    torch.manual_seed(0)
    return build_model(StepSpec(effort.vocabulary), config).to("cuda" if torch.cuda.is_available() else "cpu")


def sentences(effort: Effort, batch_tokens: int, device: torch.device) -> list[SequenceBatch]:
    """Batches of random tokens in the lengths of Penn Treebank, bucketed as the trainer buckets; one more than are timed."""
    random = np.random.default_rng(0)
    count = 4 * (effort.steps + 1) * batch_tokens // 20
    lengths = sentence_lengths(random, count)
    order = list(bucket_batches(lengths, batch_tokens, seed=0, epoch=0))[: effort.steps + 1]
    spec = StepSpec(effort.vocabulary)
    written = [[random.integers(spec.unk + 1, spec.size, lengths[row]) for row in rows] for rows in order]
    ended = [[torch.from_numpy(np.append(words, spec.eos)) for words in rows] for rows in written]
    return [SequenceBatch(*pad(rows)).to(device) for rows in ended]


def _training(effort: Effort, batch_tokens: int, compiled: bool) -> dict[str, Any]:
    """Tokens and products a second of the trainer's own step, and the memory that it took."""
    said: dict[str, Any] = {"compiled": compiled, "batch_tokens": batch_tokens}
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    model, objective = optimus(effort), registry.build("objective", {"preset": "elbo"})
    batches = sentences(effort, batch_tokens, accelerator.device)
    work = sum(_products(model, objective, batch) for batch in batches[1:])
    if compiled:
        for part in (model.encoder, model.decoder):
            part.compile(dynamic=True)
    plan, make = registry.build("plan", {"kind": "joint"}), registry.build("optimizer", {"kind": "adamw", "lr": 1e-4})
    optimizers = {name: make(parameters) for name, parameters in plan.parameters(model, objective).items()}
    precision = resolve_precision("auto", accelerator.device)
    engine = AccelerateEngine(model, objective, optimizers, accelerator, precision, 1.0, None)
    model.train()

    def steps(some: Sequence[SequenceBatch]) -> None:
        for number, batch in enumerate(some):
            plan.step(engine, [batch], number)

    try:
        steps(batches)  # every shape once: kernels are chosen, or compiled
        seconds = _seconds(lambda: steps(batches[1:]))
    except Exception as error:  # a compiler may fail in ways of its own, and a card be too small: the other rows still count
        return said | {"failed": f"{type(error).__name__}: {str(error).splitlines()[0]:.80}"}
    tokens = sum(int(batch.lengths.sum()) for batch in batches[1:])
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return said | {"tokens_per_second": tokens / seconds, "flops_per_second": work / seconds, "memory_gb": memory / 1e9}


def _products(model: SequenceModel, objective: nn.Module, batch: SequenceBatch) -> int:
    """Floating-point operations of the matrix products of one forward and backward pass."""
    with FlopCounterMode(display=False) as counter:
        objective(model, batch, 0, lambda value: value).per_sequence.sum().backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def _generation(effort: Effort) -> dict[str, Any]:
    """Tokens a second through the decode loop, no row ending before its time."""
    model: Any = optimus(effort)
    with torch.no_grad():
        model.likelihood.bias[StepSpec(effort.vocabulary).eos] = -1e9
    z = torch.randn(effort.rows, 32, device=device_of(model))
    generate(model, z, SamplingRule(), effort.tokens)
    seconds = _seconds(lambda: generate(model, z, SamplingRule(), effort.tokens))
    return {"rows": effort.rows, "tokens": effort.tokens, "tokens_per_second": effort.rows * effort.tokens / seconds}


def _seconds(work: Callable[[], Any]) -> float:
    """Wall time, until the card has done it too."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start
