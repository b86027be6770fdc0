"""How probable a model makes a data set: the ELBO with its two parts, and the importance-weighted NLL.

    ELBO(x) = -(distortion + rate),  distortion = -log p(x|z) at one z ~ q(z|x),  rate = KL(q(z|x) || p(z))
    NLL(x)  = -log (1/S) sum_s p(x|z_s) p(z_s) / q(z_s|x)                       (Burda et al. 2016, arXiv 1509.00519)

NLL <= -ELBO on average, and falls towards the true -log p(x) as S grows: numbers with different S are different numbers. The rate
is exact where the posterior has a closed form. A posterior without a density (`deterministic`) has neither rate nor ELBO nor NLL,
and those numbers are left out. All in nats per sequence, EOS counted, BOS not, padding never; the average is over
records, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from seqvae.batch import SequenceBatch
from seqvae.data.batches import Batches, evaluation_batches
from seqvae.data.store import SequenceStore
from seqvae.distributions.point_mass import has_density
from seqvae.errors import DataError
from seqvae.evaluation.conditions import Precision, measuring, tracked
from seqvae.evaluation.latent import active_units, mutual_information
from seqvae.importance import importance_log_weights, iwae, iwae_variance
from seqvae.inference import device_of
from seqvae.model import SequenceModel
from seqvae.objectives.rate_policies import per_sequence

WATCHED = 512  # records whose mutual information a training run watches: a bound of 6.2 nats, for a moment's work
TOGETHER = 8  # records in one importance-weighted pass: neighbours in length, so that padding stays small


@dataclass(frozen=True)
class PosteriorPass:
    """Every record of a data set inferred and decoded once. Records are in the order of `rows`: by length.

    Shapes:
        rows: `[N]`, each record's row in the store.
        rate: `[N,K]` nats per dimension (`[N,1]` where only the sum is known).
        distortion: `[N]` nats per sequence, at `z`.
        means: `[N,*event]` posterior means.
        z: `[1,N,*event]`, one sample of each posterior.
        posteriors: q(z|x), in batches.
    """

    rows: np.ndarray
    rate: Tensor
    distortion: Tensor
    means: Tensor
    z: Tensor
    posteriors: list[Distribution]

    @property
    def has_density(self) -> bool:
        """Whether the posterior is one with a density, and so with a rate."""
        return all(has_density(posterior) for posterior in self.posteriors)

    @property
    def summary(self) -> dict[str, float]:
        """`elbo_nats`, `rate_nats` and `distortion_nats`: means over records, nats per sequence; elbo = -(rate + distortion).

        Without a density the distortion alone.
        """
        rate, distortion = float(self.rate.double().sum(1).mean()), float(self.distortion.double().mean())
        if not self.has_density:
            return {"distortion_nats": distortion}
        return {"elbo_nats": -(rate + distortion), "rate_nats": rate, "distortion_nats": distortion}


@dataclass(frozen=True)
class ImportanceEstimate:
    """The importance-weighted NLL of each record, `nll [N]` nats per sequence, and its sampling `variance [N]`, nats^2."""

    nll: Tensor
    variance: Tensor

    @property
    def mean(self) -> float:
        """Nats per sequence, averaged over records."""
        return float(self.nll.double().mean())

    @property
    def stderr(self) -> float:
        """Monte Carlo standard error of `mean` by the delta method, nats; NaN for one sample.

        It says how far the mean would move with other draws of z **for the same records**. How far it would move with other
        records is a different, usually much larger, number.
        """
        return float(self.variance.double().sum().sqrt()) / len(self.variance)


def posterior_pass(
    model: SequenceModel,
    store: SequenceStore,
    *,
    batch_tokens: int = 8192,
    limit: int | None = None,
    device: torch.device | None = None,
    seed: int = 0,
    precision: Precision | None = None,
) -> PosteriorPass:
    """Infer and decode each of the first `limit` records once, with one posterior sample.

    Args:
        model: left as it was.
        store: the records.
        batch_tokens: padded steps a batch, a matter of memory and speed only.
        limit: all records when None.
        device: where batches go; where the model is, when None.
        seed: of the samples; torch's global generator is not touched.
        precision: see `measuring`.

    Raises:
        DataError: the store has no records.
    """
    batches = _batches(store, limit, batch_tokens)
    with measuring(model, seed, precision) as home:
        parts = [_pass(model, store.batch(rows).to(device or home)) for rows in batches]
    rate, distortion, means, z, posteriors = zip(*parts, strict=True)
    return PosteriorPass(
        rows=batches.order,
        rate=torch.cat(rate),
        distortion=torch.cat(distortion),
        means=torch.cat(means),
        z=torch.cat(z, dim=1),
        posteriors=list(posteriors),
    )


def _pass(model: SequenceModel, batch: SequenceBatch) -> tuple[Tensor, Tensor, Tensor, Tensor, Distribution]:
    output = model(batch)
    return per_sequence(output.rate.per_dimension), output.distortion, output.posterior.mean, output.z, output.posterior


def decoded(
    model: SequenceModel, store: SequenceStore, measured: PosteriorPass, records: int = 64
) -> Iterator[tuple[Tensor, SequenceBatch]]:
    """The decoder's features `[S,B,T,H]` at the samples of a pass, once more, with their batches of so many records.

    They are not kept from the pass itself: at 512 features a step, 10,000 sketches would take 2 GB.
    """
    device = device_of(model)
    for start in range(0, len(measured.rows), records):
        batch = store.batch(measured.rows[start : start + records]).to(device)
        yield model.decoded(measured.z[:, start : start + records], batch), batch


def validation_metrics(
    model: SequenceModel,
    store: SequenceStore,
    *,
    batch_tokens: int = 8192,
    limit: int | None = None,
    device: torch.device | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """What a training run watches, in one quick pass and in the caller's precision.

    Returns:
        `elbo_nats`, `rate_nats`, `distortion_nats` (nats per sequence, the true rate with weight 1 whatever the objective
        charges), `active_units`, `rate_per_dimension`, nats, a list, and over a part of the records `mi_nats` with its
        `mi_bound_nats`. Without a density `distortion_nats` and `active_units` alone.

    Raises:
        DataError: the store has no records.
    """
    measured = posterior_pass(model, store, batch_tokens=batch_tokens, limit=limit, device=device, seed=seed)
    found: dict[str, Any] = {
        **measured.summary,
        "active_units": active_units(measured.means),
        "latent_dim": model.event_shape.numel(),
    }
    if not measured.has_density:
        return found
    found["rate_per_dimension"] = measured.rate.double().mean(0).tolist()
    return found | _watched_information(model, store, limit, device, seed)


def criterion(metrics: Mapping[str, Any], beta: float = 1.0) -> float:
    """What the best model of a run is chosen by, the larger the better: minus the distortion and `beta` times the rate.

    With beta 1 that is the ELBO. Where the posterior has no density, minus the distortion: the rate of such a posterior is 0 by
    convention.
    """
    return -float(metrics["distortion_nats"]) - beta * float(metrics.get("rate_nats", 0.0))


def _watched_information(
    model: SequenceModel, store: SequenceStore, limit: int | None, device: torch.device | None, seed: int
) -> dict[str, float]:
    """`mi_nats` and `mi_bound_nats` over `WATCHED` records spread evenly."""
    count = len(store.lengths[:limit])
    rows = np.linspace(0, count - 1, min(count, WATCHED)).round().astype(np.int64)
    with measuring(model, seed) as home:
        posterior = model.infer(store.batch(rows).to(device or home))[1]
        information = mutual_information([posterior], posterior.sample(torch.Size([1])))
    return {"mi_nats": information, "mi_bound_nats": math.log(len(rows))}


def importance_nll(
    model: SequenceModel,
    store: SequenceStore,
    *,
    samples: int = 500,
    rows: int = 512,
    limit: int | None = None,
    seed: int = 0,
    precision: Precision | None = None,
) -> ImportanceEstimate:
    """-log p(x) of each of the first `limit` records, bounded from above on average, with `samples` importance samples.

    Args:
        model, store, limit, seed, precision: as `posterior_pass`.
        samples: S.
        rows: decoder rows (records times samples) in one pass, a matter of memory and speed only.

    Raises:
        DataError: the store has no records.
    """
    batches = _batches(store, limit, TOGETHER * int(store.lengths.max(initial=1)), TOGETHER)
    nll, variance = [], []
    with measuring(model, seed, precision) as device:
        for part in tracked(batches, store.lengths, f"NLL, {samples} samples"):
            log_weights = importance_log_weights(model, store.batch(part).to(device), samples, rows)
            nll.append(-iwae(log_weights))
            variance.append(iwae_variance(log_weights))
    return ImportanceEstimate(torch.cat(nll), torch.cat(variance))


def _batches(store: SequenceStore, limit: int | None, batch_tokens: int, batch_size: int | None = None) -> Batches:
    lengths = store.lengths[:limit]
    if not len(lengths):
        raise DataError(f"no records in {store.folder}: there is nothing to evaluate; choose another split or hold records out")
    return evaluation_batches(lengths, batch_tokens, batch_size)
