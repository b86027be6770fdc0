"""Gaussian mixtures by expectation maximisation (Dempster, Laird & Rubin 1977), in float64.

    E: r_nc = w_c N(z_n; mu_c, Sigma_c) / sum_c' ...        M: weights, means and covariances of the latents, weighted by r

It begins at centres drawn far from one another (k-means++; Arthur & Vassilvitskii 2007), and a ridge keeps every covariance
positive.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from seqvae.errors import DataError

ROUNDS = 200
CHANGE = 1e-4  # nats a latent; less than this in a round ends the search
RIDGE = 1e-4  # of the mean variance, added to each variance


class Gaussians(NamedTuple):
    """A mixture: `weights [C]`, `means [C,K]`, `factors [C,K,K]` lower triangular with Sigma = L L^T."""

    weights: Tensor
    means: Tensor
    factors: Tensor


def fit_gaussians(z: Tensor, components: int, full: bool) -> Gaussians:
    """The mixture of `components` Gaussians that is likeliest (locally) for latents `z [N,K]`; float64. Chance is torch's own.

    Raises:
        DataError: fewer latents than components, or none that differ.
    """
    if len(z) < components:
        raise DataError(f"{len(z)} latents cannot seat {components} components; give more records, or fewer components")
    z = z.double()
    ridge = RIDGE * float(z.var(dim=0, correction=0).mean())
    if ridge == 0:
        raise DataError("all latents are the same point, the model has collapsed: there is no density to fit")
    nearest = torch.cdist(z, _centres(z, components)).argmin(dim=1)
    share = torch.nn.functional.one_hot(nearest, components).to(z)  # [N,C]
    last = -torch.inf
    for _ in range(ROUNDS):
        fitted = _maximise(z, share, ridge, full)
        log_joint = _log_density(z, fitted)
        log_density = torch.logsumexp(log_joint, dim=1)
        share = torch.exp(log_joint - log_density[:, None])
        score = float(log_density.mean())
        if score - last < CHANGE:
            break
        last = score
    return fitted


def _centres(z: Tensor, components: int) -> Tensor:
    """`[C,K]` latents, each drawn with a probability that grows with its squared distance from those before."""
    chosen = [torch.randint(len(z), ()).item()]
    distance = torch.full((len(z),), torch.inf, dtype=z.dtype, device=z.device)
    while len(chosen) < components:
        distance = torch.minimum(distance, (z - z[int(chosen[-1])]).square().sum(dim=1))
        odds = distance if distance.sum() > 0 else torch.ones_like(distance)
        chosen.append(torch.multinomial(odds, 1).item())
    return z[torch.tensor(chosen, dtype=torch.int64)]


def _maximise(z: Tensor, share: Tensor, ridge: float, full: bool) -> Gaussians:
    mass = share.sum(dim=0) + 1e-9  # a component that nothing belongs to keeps a place, without weight
    means = (share.t() @ z) / mass[:, None]
    identity = torch.eye(z.shape[1]).to(z)
    covariances = []
    for c in range(share.shape[1]):
        around = z - means[c]
        if full:
            covariances.append((around * share[:, c : c + 1]).t() @ around / mass[c])
        else:
            covariances.append(torch.diag(share[:, c] @ around.square() / mass[c]))
    factors = torch.linalg.cholesky(torch.stack(covariances) + ridge * identity)
    return Gaussians(mass / mass.sum(), means, factors)


def _log_density(z: Tensor, gaussians: Gaussians) -> Tensor:
    """log w_c N(z_n; mu_c, Sigma_c), `[N,C]`, one component at a time, for memory's sake."""
    parts = zip(gaussians.means, gaussians.factors, strict=True)
    columns = [MultivariateNormal(mean, scale_tril=factor, validate_args=False).log_prob(z) for mean, factor in parts]
    return torch.stack(columns, dim=1) + gaussians.weights.log()
