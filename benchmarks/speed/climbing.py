"""1,000 starts x 50 steps of gradient ascent on the heads alone, against the same climb one start at a time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from seqvae import registry
from seqvae.explore.climb import climb
from seqvae.explore.goal import Goal
from seqvae.explore.guards.ball import TrustBall
from seqvae.heads.property_heads import PropertyHeads

STARTS, STEPS, LATENT, MEMBERS, TARGET = 1000, 50, 128, 5, 5.0
TURNS = 5
ALONE = 10  # starts of the loop that is timed, and scaled up


def climbing() -> dict[str, Any]:
    """Seconds of every turn, after one that is not counted, and of the loop over single starts, scaled from a few."""
    torch.manual_seed(0)
    config = {"logp": {"kind": "regression", "ensemble": MEMBERS}, "qed": {"kind": "regression", "ensemble": MEMBERS}}
    goal = Goal(PropertyHeads(registry.build_named("head", config, torch.Size([LATENT]))).eval(), {"logp": 1.0, "qed": 1.0})
    start = torch.randn(STARTS, LATENT)
    _climb(goal, start)
    seconds = [_timed(lambda: _climb(goal, start)) for _ in range(TURNS)]
    alone = _timed(lambda: [_climb(goal, row[None]) for row in start[:ALONE]]) * STARTS / ALONE
    return {
        "name": f"{STARTS:,} starts x {STEPS} steps, two heads of {MEMBERS} members, {LATENT} dimensions, trust ball",
        "seconds": seconds,
        "median": statistics.median(seconds),
        "one_at_a_time_seconds": alone,
        "ratio": alone / statistics.median(seconds),
        "target_seconds": TARGET,
        "threads": torch.get_num_threads(),
    }


def _climb(goal: Goal, start: torch.Tensor) -> torch.Tensor:
    ball = TrustBall(radius=3.0)
    ball.start = start
    return climb(goal.score, start, [ball], STEPS, 0.1)


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
