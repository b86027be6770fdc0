"""A budget of the real property, spent in rounds: climb, judge, and climb on from the best that is known by then.

Each round gets an equal share of the budget. Nothing is retrained in between: the heads stay as they are, only the starts move.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from seqvae.data.computed import canonical
from seqvae.data.splits import digest_of
from seqvae.errors import ConfigError
from seqvae.explore.goal import Goal
from seqvae.explore.optimizer import LatentOptimizer, Optimised
from seqvae.explore.oracle import Oracle
from seqvae.explore.starts import Starts


def in_rounds(optimizer: LatentOptimizer, starts: Starts, oracle: Oracle, rounds: int, seed: int | None = None) -> list[Optimised]:
    """What each round gave.

    Args:
        optimizer: any.
        starts: of the first round; later rounds have as many.
        oracle: with a budget, of which each round may spend an equal share.
        rounds: at least 1.
        seed: of the sampled decodes.

    Raises:
        ConfigError: no budget to share, or fewer than one round.
    """
    if rounds < 1:
        raise ConfigError(f"rounds={rounds}: give at least 1")
    if oracle.budget is None:
        raise ConfigError(f"rounds={rounds} share a budget; give the oracle one")
    total, count, found = oracle.budget, len(starts.records), []
    forms = [canonical(optimizer.vae.modality, record) for record in starts.records]
    known = oracle.recall(forms) if starts.values is None else starts.values
    pool = replace(starts, values=known)
    for number in range(rounds):
        oracle.budget = total * (number + 1) // rounds
        best = best_known(pool, optimizer.goal, count)
        found.append(optimizer.run(best, oracle, None if seed is None else seed + 1000 * number))
        pool = joined(pool, found[-1])
    return found


def best_known(pool: Starts, goal: Goal, count: int) -> Starts:
    """The `count` records of a pool that are worth most; those without a value come last."""
    assert pool.values is not None
    worth = np.nan_to_num(goal.worth(pool.values), nan=-np.inf)
    return pool.at(np.argsort(-worth, kind="stable")[:count])


def joined(pool: Starts, found: Optimised) -> Starts:
    """A pool and the candidates whose real values are known; each record once."""
    assert pool.values is not None
    seen = {digest_of(record) for record in pool.records}
    rows = []
    for row in np.flatnonzero(np.isfinite(found.values).all(axis=1)).tolist():
        key = digest_of(found.candidates.records[row])
        if key not in seen:
            rows.append(row)
            seen.add(key)
    labels = found.starts.told[found.candidates.start[rows]]
    return Starts(
        torch.cat([pool.z, found.candidates.again[rows]]),
        [*pool.records, *(found.candidates.records[row] for row in rows)],
        np.concatenate([pool.values, found.values[rows]]),
        torch.cat([pool.told, labels]),
    )
