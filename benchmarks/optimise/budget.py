"""The best penalized logP that a budget of evaluations finds, from the same starts: a climb in rounds, and Bayesian optimisation.

Property: penalized logP z-scored with GCPN's constants. Starts: 128 drawn, by the seed, out of the 256 best training molecules,
whose values are known and cost nothing. No training molecule is a discovery, a start or not.

The methods do not begin alike: the climb follows heads that were fitted to the values of the whole training set, while the Gaussian
process of Bayesian optimisation has those of its starts alone. Each result says how many labels its method began with.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from seqvae.cli.evaluate import find_split
from seqvae.data.computed import canonical
from seqvae.data.store import SequenceStore
from seqvae.explore.bayesian import METHODS, bayesian
from seqvae.explore.optimizer import LatentOptimizer
from seqvae.explore.oracle import Oracle
from seqvae.explore.rounds import in_rounds
from seqvae.explore.starts import Starts, best_of
from seqvae.vae import SeqVAE

PROPERTY = "penalized_logp_gcpn"
POOL, STARTS, ROUND = 256, 128, 50
KEPT = 20  # best molecules written down for each seed


@dataclass(frozen=True)
class Plan:
    """One method with one budget, over several seeds."""

    method: str
    calls: int
    seeds: int

    @property
    def name(self) -> str:
        """Names the result's file."""
        return f"budget-{self.calls}-{self.method}"


def settings(seeds: int) -> list[Plan]:
    """Every method with every budget."""
    return [Plan(method, calls, seeds) for calls in (250, 500) for method in ("climb", *METHODS)]


def measure(vae: SeqVAE, plan: Plan) -> dict[str, Any]:
    """The best molecules that each seed found."""
    known = training_records(vae)
    begin = time.perf_counter()
    goal, train = LatentOptimizer(vae, {PROPERTY: 1.0}).goal, find_split(vae, "train")
    pool = best_of(vae, train, goal, POOL)
    runs = [_run(vae, plan, _drawn(pool, seed), seed, known) for seed in range(plan.seeds)]
    assert pool.values is not None
    return {
        "protocol": "budget",
        "setting": asdict(plan),
        "best_known": float(np.nanmax(pool.values)),
        "labels": labelled(train) if plan.method == "climb" else STARTS,
        "seconds": round(time.perf_counter() - begin, 1),
        "runs": runs,
    }


@cache
def training_records(vae: SeqVAE) -> frozenset[Any]:
    """The canonical form of every record that the model was trained on."""
    train = find_split(vae, "train")
    return frozenset(canonical(vae.modality, record) for record in vae.codec.decode([train[row] for row in range(len(train))]))


def labelled(train: SequenceStore) -> int:
    """How many training records have a value of the property, which the heads were fitted to."""
    column = train.property_names.index(PROPERTY)
    assert train.properties is not None
    return int(np.isfinite(train.properties[:, column]).sum())


def discoveries(pairs: Iterable[tuple[Any, float]], known: Collection[Any]) -> list[tuple[Any, float]]:
    """Records and values, each record once and none that is known, the best first."""
    return sorted({record: value for record, value in pairs if record not in known}.items(), key=lambda pair: -pair[1])


def _run(vae: SeqVAE, plan: Plan, begin: Starts, seed: int, known: Collection[Any]) -> dict[str, Any]:
    """One seed: calls, and the best molecules with their values."""
    oracle = Oracle({PROPERTY: vae.modality.property_function(PROPERTY)}, plan.calls)
    optimizer = LatentOptimizer(vae, {PROPERTY: 1.0}, draws=4)
    if plan.method == "climb":
        rounds = in_rounds(optimizer, begin, oracle, plan.calls // ROUND, seed)
        pairs = [
            (record, float(value))
            for found in rounds
            for record, value in zip(found.candidates.records, found.values[:, 0], strict=True)
            if np.isfinite(value)
        ]
    else:
        worth = bayesian(vae, optimizer.goal, begin, oracle, plan.method, ROUND, seed)
        pairs = list(zip([r for r, _ in worth], oracle.recall([r for r, _ in worth])[:, 0].tolist(), strict=True))
    best = discoveries(pairs, known)
    return {"seed": seed, "oracle_calls": oracle.calls, "distinct": len(best), "best": best[:KEPT]}


def _drawn(pool: Starts, seed: int) -> Starts:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(pool.records), generator=generator)[:STARTS]
    return pool.at(rows.numpy())
