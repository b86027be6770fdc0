"""Bayesian optimisation in the latent space, through BoTorch: what a climb is to be compared with, on the same starts and budget.

A Gaussian process on the latents of everything that has a real value proposes a batch of latents; their greedy decodes are judged,
and the process learns. Two ways to propose:

    expected_improvement   the latents with the largest EI out of many around the best (Jones et al. 1998)
    trust_region           Thompson samples in a box around the best, which grows with success and shrinks with failure
                           (TuRBO; Eriksson et al. 2019, arXiv 1910.01739)

The trust region is TuRBO-1, a single box, with the constants and tolerances of the authors' code, but for this: the sides of the
box are shares of the data's own, not of the kernel's length scales; any better value is a success; and a box that has shrunk away
begins anew on the data that are there.

The process knows the latent alone, not the class that it is decoded as: all starts are to be of one.

Needs the extra `bo`. A latent that decodes to nothing valid counts as the worst value known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seqvae.data.computed import canonical
from seqvae.errors import ConfigError, nearest
from seqvae.explore.goal import Goal
from seqvae.explore.oracle import Oracle
from seqvae.explore.starts import Starts
from seqvae.inference import seeded

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE

PROPOSALS = 2000  # latents that are looked at before a batch is chosen
CENTRES, SPREAD = 10, 0.5  # expected improvement looks around the best so many, at distances of such a share of the data's spread
FITTING = 50  # steps of L-BFGS on the process's own parameters
MOVED = 20  # coordinates that a trust region's proposal moves on average, as in TuRBO


@dataclass
class TrustRegion:
    """The box around the best: its length in shares of the data's box, and when it changes (TuRBO's constants).

    Attributes:
        dimensions: K of the latent.
        batch: q, latents proposed at a time; a success or a failure is a batch's.
        length: of the box's sides; doubles after 3 successes in a row, halves after `ceil(max(4, K) / q)` failures in a row.
    """

    dimensions: int
    batch: int
    length: float = 0.8
    least: float = 2.0**-7
    most: float = 1.6
    successes: int = 0
    failures: int = 0

    def update(self, improved: bool) -> None:
        """Take note of a batch; below `least` the box starts anew."""
        self.successes, self.failures = (self.successes + 1, 0) if improved else (0, self.failures + 1)
        if self.successes == 3:
            self.length, self.successes = min(2 * self.length, self.most), 0
        elif self.failures == math.ceil(max(4, self.dimensions) / self.batch):
            self.length, self.failures = self.length / 2, 0
        if self.length < self.least:
            self.length = 0.8


def bayesian(
    vae: SeqVAE, goal: Goal, starts: Starts, oracle: Oracle, method: str, batch: int = 50, seed: int = 0
) -> list[tuple[Any, float]]:
    """Every record that was found, with the score of its real value, in the order of finding.

    Args:
        vae: the model.
        goal: what its real values are worth.
        starts: with all their values, of one class; the process learns from them first.
        oracle: with a budget, which is spent to the end.
        method: `expected_improvement` or `trust_region`.
        batch: latents proposed at a time.
        seed: of all chance.

    Raises:
        ConfigError: no budget, starts of several classes, an unknown method, or BoTorch is not installed.
    """
    if method not in METHODS:
        raise ConfigError(f"unknown method {method!r}; {nearest(method, METHODS)}")
    if oracle.budget is None or starts.values is None:
        raise ConfigError("Bayesian optimisation needs a budget of calls, and starts whose values are known")
    classes = starts.told.unique()
    if len(classes) > 1:
        raise ConfigError(f"Bayesian optimisation keeps to one class, and the starts are of {len(classes)}; give starts of one")
    try:
        import botorch  # noqa: F401
    except ImportError:
        raise ConfigError("Bayesian optimisation needs BoTorch: pip install 'seqvae[bo]'") from None
    oracle.tell([canonical(vae.modality, record) for record in starts.records], starts.values)
    x, y = vae.model.project(starts.z).flatten(1).double().cpu(), torch.from_numpy(goal.worth(starts.values))[:, None]
    known = torch.isfinite(y[:, 0])
    x, y = x[known], y[known]
    region, found, seen = TrustRegion(x.shape[1], batch), [], set()
    with seeded(seed):
        idle = 0
        while oracle.calls < oracle.budget and idle < 5:  # a space that gives nothing new is exhausted
            before = oracle.calls
            z = METHODS[method](x, y, min(batch, oracle.budget - oracle.calls), region)
            z = vae.model.project(z.view(-1, *vae.model.event_shape)).flatten(1)  # what will be decoded is what is learnt from
            worth, records = _judge(vae, goal, oracle, z, int(classes[0]))
            fresh = [(record, value) for record, value in zip(records, worth, strict=True) if record is not None]
            found += [pair for pair in fresh if str(pair[0]) not in seen]
            seen |= {str(record) for record, _ in fresh}
            region.update(bool(np.nanmax(worth, initial=-np.inf) > float(y.max())))
            values = torch.from_numpy(np.where(np.isfinite(worth), worth, float(y.min())))[:, None]
            x, y = torch.cat([x, z]), torch.cat([y, values])
            idle = idle + 1 if oracle.calls == before else 0
    return [(record, float(value)) for record, value in found if np.isfinite(value)]


def _judge(vae: SeqVAE, goal: Goal, oracle: Oracle, z: Tensor, label: int) -> tuple[np.ndarray, list[Any]]:
    """The score of the real value of each latent's greedy decode as of a class, NaN where there is none, and the records."""
    decoded = vae.decode(z.view(-1, *vae.model.event_shape).float(), labels=label)
    records = [canonical(vae.modality, record) for record in decoded]
    valid = [i for i, record in enumerate(records) if record is not None]
    values = np.full((len(records), oracle.width), np.nan)
    if valid:
        values[valid] = oracle.ask([records[i] for i in valid])
    return goal.worth(values), records


def _process(x: Tensor, y: Tensor) -> Any:
    """A Gaussian process, by BoTorch's default an RBF kernel, on latents scaled to the unit box and standardised values."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import SingleTaskGP
    from botorch.models.transforms import Normalize, Standardize
    from gpytorch.mlls import ExactMarginalLogLikelihood

    model = SingleTaskGP(x, y, input_transform=Normalize(x.shape[1]), outcome_transform=Standardize(1))
    with torch.enable_grad():
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model), optimizer_kwargs={"options": {"maxiter": FITTING}})
    return model


def by_expected_improvement(x: Tensor, y: Tensor, count: int, region: TrustRegion) -> Tensor:
    """The `count` latents with the largest expected improvement, of many around the best that are known."""
    from botorch.acquisition.analytic import LogExpectedImprovement

    centres = x[y[:, 0].argsort(descending=True)[:CENTRES]]
    near = centres[torch.randint(len(centres), (PROPOSALS,))]
    proposals = near + SPREAD * x.std(0) * torch.randn_like(near)
    acquisition = LogExpectedImprovement(_process(x, y), best_f=y.max())
    with torch.no_grad():
        improvement = acquisition(proposals[:, None])
    return proposals[improvement.argsort(descending=True)[:count]]


def by_trust_region(x: Tensor, y: Tensor, count: int, region: TrustRegion) -> Tensor:
    """`count` Thompson samples among latents in the box around the best."""
    low, high = x.amin(0), x.amax(0)
    best = x[y[:, 0].argmax()]
    half = region.length / 2 * (high - low)
    proposals = (best + half * (2 * torch.rand(PROPOSALS, x.shape[1], dtype=x.dtype) - 1)).clamp(low, high)
    moved = torch.rand_like(proposals) < min(1.0, MOVED / x.shape[1])
    proposals = torch.where(moved, proposals, best)
    process = _process(x, y)
    with torch.no_grad():
        drawn = process.posterior(proposals).sample(torch.Size([count]))[..., 0]  # [count,PROPOSALS]
    chosen: list[int] = []
    for sample in drawn:
        sample[chosen] = -torch.inf
        chosen.append(int(sample.argmax()))
    return proposals[chosen]


METHODS: dict[str, Callable[[Tensor, Tensor, int, TrustRegion], Tensor]] = {
    "expected_improvement": by_expected_improvement,
    "trust_region": by_trust_region,
}
