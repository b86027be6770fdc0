from __future__ import annotations

import torch

from seqvae.explore.climb import climb
from seqvae.explore.guards.ball import TrustBall


def peak(z: torch.Tensor) -> torch.Tensor:
    """A paraboloid with its peak at (1, -2)."""
    return -(z - torch.tensor([1.0, -2.0])).square().sum(-1)


def test_every_start_finds_the_peak():
    start = 3 * torch.randn(20, 2)
    path = climb(peak, start, [], 300, 0.1)
    assert path.shape == (301, 20, 2)
    torch.testing.assert_close(path[0], start)
    torch.testing.assert_close(path[-1], torch.tensor([1.0, -2.0]).expand(20, 2), atol=0.02, rtol=0)


def test_rows_do_not_influence_one_another():
    start = torch.randn(5, 2)
    together = climb(peak, start, [], 20, 0.1)
    alone = torch.cat([climb(peak, row[None], [], 20, 0.1) for row in start], dim=1)
    torch.testing.assert_close(together, alone)


def test_the_first_step_is_adams():
    path = climb(peak, torch.zeros(1, 2), [], 1, 0.05)
    torch.testing.assert_close(path[1], torch.tensor([[0.05, -0.05]]), atol=1e-6, rtol=0)  # lr * sign of the gradient


def test_a_projection_holds_at_every_step():
    ball = TrustBall(radius=0.5)
    start = torch.zeros(3, 2)
    ball.start = start
    path = climb(peak, start, [ball], 200, 0.02)
    assert path.norm(dim=-1).max() <= 0.5 + 1e-6
    assert (path[-1].norm(dim=-1) > 0.499).all()  # the peak lies outside, so the climb ends on the ball's skin
    assert (peak(path[-1]) > peak(path[0])).all()
