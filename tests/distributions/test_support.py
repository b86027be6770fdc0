from __future__ import annotations

import torch
from torch.distributions import Independent, Normal

from seqvae.distributions import support
from seqvae.distributions.autoregressive_normal import AutoregressiveNormal
from seqvae.distributions.sphere import SphericalUniform


def test_the_number_of_event_dimensions_does_not_matter() -> None:
    flat = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    sequence = AutoregressiveNormal(torch.tensor(0.5), torch.Size([2, 3]))
    sphere = SphericalUniform(torch.zeros(3))
    assert support.same_support(flat, sequence)
    assert not support.same_support(flat, sphere)
    assert support.name_of(flat) == "the real numbers"
    assert support.name_of(sphere) == "the unit sphere"


def test_projection_moves_onto_a_sphere_and_leaves_real_numbers_alone() -> None:
    z = torch.randn(4, 3)
    assert support.project(object(), z) is z
    torch.testing.assert_close(support.project(SphericalUniform(torch.zeros(3)), z).norm(dim=-1), torch.ones(4))


def test_a_ball_in_a_flat_space_counts_each_latent_as_one_vector() -> None:
    z, centre = 5 * torch.randn(6, 2, 3), torch.zeros(6, 2, 3)
    found = support.within(object(), z, centre, 1.5)
    assert (found.flatten(1).norm(dim=1) <= 1.5 + 1e-6).all()
    near = 0.1 * z / z.flatten(1).norm(dim=1)[:, None, None]
    assert torch.equal(support.within(object(), near, centre, 1.5), near)
