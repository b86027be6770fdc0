"""Batch normalisation with a scale that is not learnt, which keeps the posterior means apart (Zhu et al. 2020, arXiv 2004.12585).

    mu <- gamma (mu - mean_B mu) / sqrt(var_B mu + eps) + b,      hence    mean_B KL >= sum_k (gamma^2 + b_k^2) / 2

With a learnt scale the optimiser would shrink it to zero and collapse; the shift b is learnt. The variance is the biased one, as in
every batch normalisation, and evaluation uses running statistics.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# The usual 1e-5 is no small number here: an untrained encoder's means have a variance of some 1e-6, and where epsilon outweighs the
# variance nothing is normalised, and the model collapses by shrinking its means. float32 still tells means of 0.1 apart to 1e-8.
EPSILON = 1e-10
MOMENTUM = 0.1


class FixedScaleNorm(nn.Module):
    """Batch normalisation of `[B,K]` to a standard deviation of `gamma`.

    A batch of one record has no spread to normalise by, and takes the running statistics. Statistics are each process's own.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, size: int, gamma: float, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.gamma, self.epsilon = gamma, epsilon
        self.shift = nn.Parameter(torch.zeros(size))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))

    def forward(self, values: Tensor) -> Tensor:
        """`[B,K]` to `[B,K]`; in training the running statistics move."""
        of_batch = self.training and len(values) > 1
        gamma = torch.full_like(self.shift, self.gamma)
        return functional.batch_norm(values, self.mean, self.variance, gamma, self.shift, of_batch, MOMENTUM, self.epsilon)
