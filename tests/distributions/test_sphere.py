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


@pytest.mark.parametrize("radius", [1e-3, 0.5, 1.3, 2.0, 9.0])
def test_a_cap_of_the_sphere_is_as_wide_as_its_ball(radius: float) -> None:
    """What lies outside is taken to the rim, along the arc to the centre; against a search over the rim."""
    centre, z = (normalize(torch.randn(50, 3, dtype=torch.float64), dim=-1) for _ in range(2))
    found = unit_sphere.within(3 * z, centre, radius)
    assert unit_sphere.check(found).all()
    away, before = (found - centre).norm(dim=-1), (z - centre).norm(dim=-1)
    torch.testing.assert_close(away, before.clamp(max=radius))
    turns = torch.linspace(0, 2 * math.pi, 2001, dtype=torch.float64)
    tangent = torch.linalg.svd(centre[:, None])[2][:, 1:]  # [50,2,3], across the centre
    ring = torch.stack([turns.cos(), turns.sin()], -1) @ tangent  # [50,2001,3]
    half = min(radius, 2.0) / 2
    rim = (1 - 2 * half**2) * centre[:, None] + 2 * half * (1 - half**2) ** 0.5 * ring
    nearest = (rim - z[:, None]).norm(dim=-1).amin(1)
    outside = before > radius
    torch.testing.assert_close((found - z).norm(dim=-1)[outside], nearest[outside], atol=2e-3, rtol=0)  # half a turn's step
    assert unit_sphere.check(unit_sphere.within(-centre, centre, radius)).all()


def test_uniform_samples_are_drawn_without_a_detour_over_parameters() -> None:
    u = SphericalUniform(torch.zeros(3))
    assert u.has_rsample
    assert unit_sphere.check(u.rsample(torch.Size([4]))).all()


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
