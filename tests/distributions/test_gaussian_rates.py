from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

MEAN = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
FACTOR = torch.tensor([[1.2, 0, 0], [0.3, 0.8, 0], [-0.5, 0.4, 0.6]], dtype=torch.float64)
ZERO = torch.zeros(3, dtype=torch.float64)


def test_published_numbers() -> None:
    q = MultivariateNormal(MEAN, scale_tril=FACTOR)
    assert kl_divergence(q, Independent(Normal(ZERO, ZERO + 1), 1)).item() == pytest.approx(3.1466476182862455, rel=1e-14)
    assert q.entropy().item() == pytest.approx(3.7051679813, abs=1e-9)
    assert q.log_prob(ZERO).item() == pytest.approx(-13.9439616252, abs=1e-9)


def test_it_is_torchs_divergence_of_two_full_covariances() -> None:
    q = MultivariateNormal(torch.randn(4, 3, dtype=torch.float64), scale_tril=FACTOR.expand(4, 3, 3))
    mean, scale = torch.randn(3, dtype=torch.float64), torch.rand(3, dtype=torch.float64) + 0.2
    expected = kl_divergence(q, MultivariateNormal(mean, torch.diag(scale.square())))
    torch.testing.assert_close(kl_divergence(q, Independent(Normal(mean, scale), 1)), expected)
