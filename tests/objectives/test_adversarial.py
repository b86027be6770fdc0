"""The discriminator: its losses by torch's own cross entropy, whose gradients reach whom, and extreme latents."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from seqvae.objectives.adversarial import Adversarial

SHAPE = torch.Size([4])


@pytest.fixture
def divergence() -> Adversarial:
    torch.manual_seed(0)
    return Adversarial(SHAPE, hidden=16).double()


@pytest.fixture
def samples() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    z, prior = torch.randn(2, 50, 4, generator=generator, dtype=torch.float64)
    return z + 1, prior


def test_the_losses_are_cross_entropies(divergence: Adversarial, samples: tuple[torch.Tensor, torch.Tensor]) -> None:
    z, prior = samples
    logits = [divergence.discriminator(side).squeeze(1) for side in (z, prior)]
    ones, zeros = torch.ones(50, dtype=torch.float64), torch.zeros(50, dtype=torch.float64)
    entropy = functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(divergence(z, prior).double(), entropy(logits[0], ones), rtol=1e-6, atol=1e-6)
    both = entropy(logits[0], zeros) + entropy(logits[1], ones)
    torch.testing.assert_close(divergence.own_loss(z, prior).double(), both, rtol=1e-6, atol=1e-6)


def test_one_that_cannot_tell_pays_two_logarithms_of_two(divergence: Adversarial) -> None:
    for parameter in divergence.parameters():
        torch.nn.init.zeros_(parameter)
    z = torch.randn(9, 4, dtype=torch.float64)
    assert divergence.own_loss(z, z).item() == pytest.approx(2 * math.log(2))
    assert divergence(z, z).item() == pytest.approx(math.log(2))


def test_no_gradient_of_either_side_reaches_the_other(divergence: Adversarial, samples: tuple[torch.Tensor, torch.Tensor]) -> None:
    z, prior = samples[0].requires_grad_(), samples[1]
    divergence(z, prior).backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0
    assert all(p.grad is None for p in divergence.parameters())
    divergence.own_loss(z.detach(), prior).backward()
    assert all(p.grad is not None for p in divergence.parameters())


def test_it_learns_to_tell_and_the_model_is_pushed_back(
    divergence: Adversarial, samples: tuple[torch.Tensor, torch.Tensor]
) -> None:
    z, prior = samples
    optimizer = torch.optim.Adam(divergence.parameters(), 0.01)
    for _ in range(100):
        optimizer.zero_grad()
        divergence.own_loss(z, prior).backward()
        optimizer.step()
    assert divergence.own_loss(z, prior) < 0.8 * 2 * math.log(2)
    pushed = z.clone().requires_grad_()
    divergence(pushed, prior).backward()
    assert pushed.grad is not None
    assert (pushed.grad.mean(0) > 0).all()  # down the gradient, the mean of 1 goes towards 0


@pytest.mark.parametrize("size", [0.0, 1e4, 1e15])
def test_extreme_latents_give_finite_losses_and_gradients(size: float) -> None:
    divergence = Adversarial(SHAPE)
    z = torch.full((3, 4), size, requires_grad=True)
    (divergence(z, -z) + divergence.own_loss(z.detach(), -z.detach())).backward()
    assert z.grad is not None
    assert torch.isfinite(z.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in divergence.parameters() if p.grad is not None)


def test_it_is_built_for_the_latents_shape_and_depth() -> None:
    divergence = Adversarial(torch.Size([3, 2]), hidden=7, layers=3)
    linear = [m for m in divergence.discriminator if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linear] == [(6, 7), (7, 7), (7, 7), (7, 1)]
    assert divergence(torch.zeros(5, 3, 2), torch.zeros(5, 3, 2)).dim() == 0
