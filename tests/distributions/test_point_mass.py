from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from seqvae.distributions.point_mass import PointMass, has_density
from seqvae.errors import ConfigError


def test_it_is_a_point() -> None:
    loc = torch.randn(4, 2, 3)
    q = PointMass(loc, event_dims=2)
    assert (q.batch_shape, q.event_shape) == ((4,), (2, 3))
    assert torch.equal(q.rsample(torch.Size([5])), loc.expand(5, 4, 2, 3))
    assert torch.equal(q.mean, loc)
    assert not q.variance.any()


def test_it_has_no_density_and_no_rate_by_convention() -> None:
    q, p = PointMass(torch.randn(4, 3)), Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    assert not has_density(q)
    assert has_density(p)
    assert torch.equal(kl_divergence(q, p), torch.zeros(4))
    with pytest.raises(ConfigError, match=r"no density.*choose another posterior"):
        q.log_prob(torch.zeros(4, 3))
