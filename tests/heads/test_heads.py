"""What every head must do. A new head is one line in `CASES`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqvae import registry
from seqvae.distributions.sphere import unit_sphere

EVENTS = [torch.Size([3]), torch.Size([2, 3])]
CASES: list[dict[str, Any]] = [
    {"kind": "regression"},
    {"kind": "regression", "depth": 0, "ensemble": 3},
    {"kind": "classification", "hidden": 8, "ensemble": 2},
]
TARGETS = torch.tensor([0.0, 1.0, 1.0, torch.nan, 0.0], dtype=torch.float64)


@pytest.fixture(params=EVENTS, ids=str)
def event(request: pytest.FixtureRequest) -> torch.Size:
    return request.param


@pytest.fixture(params=CASES, ids=str)
def head(request: pytest.FixtureRequest, event: torch.Size) -> Any:
    head = registry.build("head", dict(request.param), event).double()
    head.standardise(TARGETS)
    return head


@pytest.fixture
def z(event: torch.Size) -> Tensor:
    return torch.randn(5, *event, dtype=torch.float64)


def test_every_registered_head_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("head"))


def test_shapes(head: Any, z: Tensor) -> None:
    members = len(head(z))
    assert head(z).shape == (members, 5)
    assert head(z.expand(4, *z.shape)).shape == (members, 4, 5)
    assert head.loss(z, TARGETS).shape == (5,)
    mean, spread = head.predict(z)
    assert mean.shape == spread.shape == (5,)


def test_a_batch_is_its_rows(head: Any, z: Tensor) -> None:
    torch.testing.assert_close(head(z), torch.cat([head(row[None]) for row in z], dim=1))
    torch.testing.assert_close(head(z.expand(2, *z.shape))[:, 1], head(z))


def test_a_missing_label_costs_nothing_and_teaches_nothing(head: Any, z: Tensor) -> None:
    z.requires_grad_()
    loss = head.loss(z, TARGETS)
    loss.sum().backward()
    assert loss[3] == 0
    assert (loss[[0, 1, 2, 4]] > 0).all()
    assert z.grad is not None
    assert (z.grad[3] == 0).all()
    assert torch.isfinite(z.grad).all()
    missing = head.loss(z, torch.full((5,), torch.nan))
    head.zero_grad()
    missing.sum().backward()
    assert all((p.grad == 0).all() for p in head.parameters())


def test_on_a_sphere_only_the_direction_is_read(head: Any, z: Tensor, event: torch.Size) -> None:
    """So a posterior's mean, inside the sphere, and a climb's iterate, on it, are one latent to a head."""
    if len(event) > 1:
        pytest.skip("a latent on a sphere is one vector")
    assert not torch.equal(head(0.7 * z), head(z))
    head.support = unit_sphere
    torch.testing.assert_close(head(0.7 * z), head(z))


def test_the_slope_is_that_of_finite_differences(head: Any, z: Tensor) -> None:
    assert torch.autograd.gradcheck(lambda latents: head(latents).sum(0), z.requires_grad_(), fast_mode=True)


def test_spread_is_the_disagreement_of_the_members(head: Any, z: Tensor) -> None:
    assert (head.predict(z).spread == 0).all() == (len(head(z)) == 1)


def test_autocast_leaves_a_head_in_its_own_precision(head: Any, z: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = head(z)
    torch.testing.assert_close(inside, head(z), rtol=0, atol=0)


def test_training_learns_the_labels(head: Any, event: torch.Size) -> None:
    z = torch.randn(64, *event, dtype=torch.float64)
    targets = (z.flatten(1).sum(1) > 0).double()
    head.standardise(targets)
    before = head.loss(z, targets).mean()
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        head.loss(z, targets).mean().backward()
        optimizer.step()
    assert head.loss(z, targets).mean() < 0.6 * before
