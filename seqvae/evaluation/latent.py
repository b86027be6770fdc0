"""The health of a latent: active units, mutual information, and how far the aggregated posterior is from the prior.

    active units   dimensions k with Var_x(E[z_k|x]) >= 0.01                              (Burda et al. 2016, arXiv 1509.00519)
    I(x;z)         E[log q(z|x)] - E[log q(z)],  q(z) = (1/N) sum_j q(z|x_j)              (Hoffman & Johnson 2016)
    rate           E_x KL(q(z|x) || p(z)) = I(x;z) + KL(q(z) || p(z))

The last line is why the rate alone proves nothing: a posterior that is the same for every x, off the prior, has all of its rate in
the second term and tells the decoder nothing.

Two estimators of the mutual information go by one name in the literature. Over all N records it is at most ln N (8.2 nats for PTB's
test split); within mini-batches of B (He et al. 2019, arXiv 1901.05534) at most ln B (3.5 nats for 32). They cannot be compared.

Both terms are evaluated at the same z, one (or S) for each x, rather than with the closed-form entropy of q(z|x): the noise of z
then cancels, a collapsed model gives 0 to rounding instead of a small number of either sign, and the bounds hold for the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

ACTIVE_VARIANCE = 0.01  # Burda et al. 2016 found the variances bimodal, far from this value on either side
MINIBATCH = 32  # records, as He et al. 2019
BLOCK_ELEMENTS = 2**23  # densities held at a time: 64 MB in float64


def active_units(means: Tensor, threshold: float = ACTIVE_VARIANCE) -> int:
    """How many latent dimensions move with x: those whose posterior mean has an unbiased variance over records >= `threshold`.

    Args:
        means: `[N,*event]` posterior means. Fewer than two records have no variance, and no active unit.

    Source: Burda et al. 2016.
    """
    if len(means) < 2:
        return 0
    return int((means.flatten(1).double().var(dim=0) >= threshold).sum())


def mutual_information(posteriors: Sequence[Distribution], z: Tensor) -> float:
    """I(x;z) in nats under the aggregated posterior over all N records; never above ln N, and 0 at collapse.

    Args:
        posteriors: q(z|x) of the N records, in batches of any size.
        z: `[S,N,*event]` samples of each record's own posterior, in the order of `posteriors`.

    Time O(S N^2 K), memory O(N).
    """
    own, aggregated = _densities(posteriors, z)
    return float((own - aggregated).mean())


def minibatch_mutual_information(posteriors: Sequence[Distribution], z: Tensor, size: int = MINIBATCH, seed: int = 0) -> float:
    """I(x;z) in nats within batches of `size` records, averaged over records; never above ln size (He et al. 2019).

    Args:
        posteriors, z: as `mutual_information`.
        size: records in a batch; the last may have fewer.
        seed: of which records meet in a batch.
    """
    count = z.shape[1]
    batches = torch.empty(count, dtype=torch.int64)
    batches[torch.randperm(count, generator=torch.Generator().manual_seed(seed))] = torch.arange(count) // size
    own, aggregated = _densities(posteriors, z, batches.to(z.device))
    return float((own - aggregated).mean())


def aggregated_kl(posteriors: Sequence[Distribution], prior: Distribution, z: Tensor) -> float:
    """KL(q(z) || p(z)) in nats: how badly samples of the prior miss what the decoder was trained on.

    Args:
        posteriors, z: as `mutual_information`.
        prior: p(z), batch `[]`.
    """
    aggregated = aggregated_log_prob(posteriors, z)
    return float((aggregated - prior.log_prob(z).to(aggregated)).mean())


def aggregated_log_prob(posteriors: Sequence[Distribution], z: Tensor) -> Tensor:
    """log q(z) = logsumexp_j log q(z|x_j) - log N, `[S,N]` float64, at `z [S,N,*event]`."""
    return _densities(posteriors, z)[1]


@torch.no_grad()
def _densities(posteriors: Sequence[Distribution], z: Tensor, batches: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """log q(z|x) of the record that each z came from, and log q(z), over the records of its batch if `batches [N]` numbers them;
    both `[S,N]` float64."""
    samples, count = z.shape[:2]
    flat = z.flatten(0, 1)  # [S*N,*event]
    normal = _DiagonalNormals.of(posteriors)
    width = count if normal else count + max(map(_size, posteriors)) * flat[0].numel()
    own, aggregated = [], []
    for start in range(0, len(flat), step := max(1, BLOCK_ELEMENTS // width)):
        block = flat[start : start + step]
        table = normal.log_prob(block) if normal else _cross_log_prob(posteriors, block)  # [R,N]
        source = torch.arange(start, start + len(block), device=z.device) % count
        own.append(table.gather(1, source[:, None]).squeeze(1))
        if batches is not None:
            table.masked_fill_(batches[source][:, None] != batches, -torch.inf)
        aggregated.append(torch.logsumexp(table, dim=1))
    log_sizes = math.log(count) if batches is None else batches.bincount().double().log()[batches]  # [N]
    return torch.cat(own).view(samples, count), torch.cat(aggregated).view(samples, count) - log_sizes


def _cross_log_prob(posteriors: Sequence[Distribution], z: Tensor) -> Tensor:
    """log q(z_r|x_j), `[R,N]` float64, at `z [R,*event]`, for any distribution; those on a sphere know a quick way."""
    columns = []
    for q in posteriors:
        if hasattr(q, "cross_log_prob"):
            columns.append(q.cross_log_prob(z))
        else:
            columns.append(q.log_prob(z.unsqueeze(1).expand(len(z), _size(q), *z.shape[1:])).double())
    return torch.cat(columns, dim=1)


class _DiagonalNormals:
    """Every log N(z_r; mu_j, sigma_j^2) as two matrix products.

    log N = z^2 . (-1/2 sigma^-2) + z . (mu sigma^-2) + c_j. The terms cancel, so float64 throughout: sigma of 1e-4 still leaves
    eight digits.
    """

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        precision = scale.double().pow(-2)  # [N,K]
        self.square = -0.5 * precision.t()
        self.linear = (mean.double() * precision).t()
        constant = (mean.double().square() * precision - precision.log()).sum(1) + mean.shape[1] * math.log(2 * math.pi)
        self.constant = -0.5 * constant  # [N]

    @staticmethod
    def of(posteriors: Sequence[Distribution]) -> _DiagonalNormals | None:
        """All posteriors together, or None unless each is a diagonal Gaussian."""
        means, scales = [], []
        for posterior in posteriors:
            base = posterior.base_dist if isinstance(posterior, Independent) else None
            if type(base) is not Normal or len(posterior.batch_shape) != 1:
                return None
            means.append(base.loc.flatten(1))
            scales.append(base.scale.flatten(1))
        return _DiagonalNormals(torch.cat(means), torch.cat(scales))

    def log_prob(self, z: Tensor) -> Tensor:
        """`[R,N]` at `z [R,*event]`."""
        wide = z.flatten(1).double()
        return torch.addmm(self.constant, wide.square(), self.square).addmm_(wide, self.linear)


def _size(posterior: Distribution) -> int:
    return posterior.batch_shape[0]
