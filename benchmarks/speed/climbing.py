"""1,000 starts x 50 steps of gradient ascent on the heads alone, against the same climb one start at a time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console

from seqvae import __version__, registry
from seqvae.explore.climb import climb
from seqvae.explore.goal import Goal
from seqvae.explore.guards.ball import TrustBall
from seqvae.heads.property_heads import PropertyHeads

STARTS, STEPS, LATENT, MEMBERS, TARGET = 1000, 50, 128, 5, 5.0
TURNS = 5
ALONE = 10  # starts of the loop that is timed, and scaled up


def measure(quick: bool) -> dict[str, Any]:
    """Seconds of every turn, after one that is not counted, and of the loop over single starts, scaled up from a few."""
    torch.manual_seed(0)
    config = {"logp": {"kind": "regression", "ensemble": MEMBERS}, "qed": {"kind": "regression", "ensemble": MEMBERS}}
    goal = Goal(PropertyHeads(registry.build_named("head", config, torch.Size([LATENT]))).eval(), {"logp": 1.0, "qed": 1.0})
    start = torch.randn(STARTS, LATENT)
    _climb(goal, start)
    seconds = [_timed(lambda: _climb(goal, start)) for _ in range(1 if quick else TURNS)]
    alone = _timed(lambda: [_climb(goal, row[None]) for row in start[:ALONE]]) * STARTS / ALONE
    return {
        "benchmark": "speed climbing" + (" --quick" if quick else ""),
        "what": f"{STARTS:,} starts x {STEPS} steps, two heads of {MEMBERS} members, {LATENT} dimensions, trust ball",
        "threads": torch.get_num_threads(),
        "hardware": torch.backends.cpu.get_cpu_capability(),
        "versions": {"seqvae": __version__, "torch": torch.__version__},
        "seconds": seconds,
        "target_seconds": TARGET,
        "one_at_a_time_seconds": alone,
        "ratio": alone / statistics.median(seconds),
    }


def show(result: dict[str, Any], console: Console) -> None:
    """The result in two lines."""
    least, median, most = min(result["seconds"]), statistics.median(result["seconds"]), max(result["seconds"])
    console.print(f"{result['what']}, {result['threads']} threads")
    console.print(
        f"{median:.2f} s ({least:.2f} to {most:.2f}), aim below {result['target_seconds']:g} s; one start at a time "
        f"{result['one_at_a_time_seconds']:.0f} s, {result['ratio']:.0f} times as long"
    )


def _climb(goal: Goal, start: torch.Tensor) -> torch.Tensor:
    ball = TrustBall(radius=3.0)
    ball.start = start
    return climb(goal.score, start, [ball], STEPS, 0.1)


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
