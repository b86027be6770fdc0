"""The importance-weighted bound on log p(x) (Burda et al. 2016, arXiv 1509.00519).

    w_s = p(x|z_s) p(z_s) / q(z_s|x),  z_s ~ q(z|x)        L_S = log (1/S) sum_s w_s  <=  log p(x) on average

L_1 is the one-sample estimate of the ELBO; the bound rises with S and meets log p(x) in the limit. The record is encoded once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seqvae.batch import SequenceBatch
from seqvae.inference import evaluating
from seqvae.model import SequenceModel


def importance_log_weights(model: SequenceModel, batch: SequenceBatch, samples: int, rows: int = 512) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) at `samples` draws of q(z|x): `[S,B]`, nats per sequence, without gradients.

    Args:
        model: any; it is put into evaluation mode for the time.
        batch: on the model's device.
        samples: S.
        rows: decoder rows (samples times records) in one pass, a matter of memory and speed only; a batch longer than this
            goes through one sample at a time.
    """
    with evaluating(model):
        posterior = model.infer(batch)[1]
        prior = model.prior()
        z = posterior.sample(torch.Size([samples]))  # all at once, so that `rows` does not change what is drawn
        together = max(1, rows // len(batch))
        log_px = torch.cat([model.log_likelihood(part, batch) for part in z.split(together)])
        return log_px + prior.log_prob(z) - posterior.log_prob(z)


def iwae(log_weights: Tensor) -> Tensor:
    """The bound L_S on log p(x) in nats per sequence, `[B]`, from log weights `[S,B]`."""
    return torch.logsumexp(log_weights, dim=0) - math.log(log_weights.shape[0])


def iwae_variance(log_weights: Tensor) -> Tensor:
    """Sampling variance of `iwae` by the delta method, nats^2, `[B]`: Var(w) / (S mean(w)^2). NaN for one sample.

    It sees the weights that were drawn: where q misses a mode of the true posterior the variance is larger than this.
    """
    samples = log_weights.shape[0]
    if samples < 2:
        return torch.full_like(log_weights[0], torch.nan)
    relative = torch.exp(log_weights - iwae(log_weights))  # w / mean(w), [S,B]
    return relative.var(dim=0) / samples
