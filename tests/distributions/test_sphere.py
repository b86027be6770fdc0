from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import normalize

from seqvae.distributions.sphere import SphericalUniform, away_from, log_area, unit_sphere


@pytest.mark.parametrize(("dimension", "area"), [(1, 2.0), (2, 2 * math.pi), (3, 4 * math.pi), (4, 2 * math.pi**2)])
def test_area(dimension: int, area: float) -> None:
    assert math.exp(log_area(dimension)) == pytest.approx(area, rel=1e-14)


def test_the_sphere_as_a_support() -> None:
    z = torch.randn(6, 5)
    assert not unit_sphere.check(z).any()
    projected = unit_sphere.project(z)
    assert unit_sphere.check(projected).all()
    torch.testing.assert_close(projected, normalize(z, dim=-1))
    assert torch.equal(unit_sphere.project(torch.zeros(1, 3)), torch.tensor([[1.0, 0.0, 0.0]]))
    assert unit_sphere.check(unit_sphere.project(torch.tensor([[1e-30, 1e-30], [1e30, -1e30]]))).all()


def test_uniform_moments_and_entropy() -> None:
    u, n = SphericalUniform(torch.zeros(5, dtype=torch.float64)), 20_000
    z = u.sample(torch.Size([n]))
    assert (z.mean(0).abs() < 5 * (0.2 / n) ** 0.5).all()
    second = z.t() @ z / n
    assert ((second - torch.eye(5) / 5).abs() < 5 * (0.2 / n) ** 0.5).all()
    assert u.entropy() == pytest.approx(math.log(8 * math.pi**2 / 3))
    torch.testing.assert_close(u.log_prob(z), torch.full((n,), -math.log(8 * math.pi**2 / 3), dtype=torch.float64))
    assert u.expand([3]).sample(torch.Size([2])).shape == (2, 3, 5)


def test_points_away_from_a_pole() -> None:
    pole = normalize(torch.randn(4, 6, dtype=torch.float64), dim=-1)
    cosine = torch.rand(7, 4, dtype=torch.float64) * 2 - 1
    z = away_from(pole, cosine, (1 - cosine.square()).sqrt())
    torch.testing.assert_close((z * pole).sum(-1), cosine)
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(7, 4, dtype=torch.float64))
