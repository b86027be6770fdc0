"""The inverse autoregressive flow against numbers by hand, its own Jacobian, and its inverse."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from seqvae.distributions.inverse_autoregressive import InverseAutoregressive
from seqvae.networks.autoregressive_flow import InverseAutoregressiveFlow, MaskedNetwork


class Linear(nn.Module):
    """m = W_m z and s + 2 = W_s z + b, by given matrices."""

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        shift = torch.tensor([[0, 0, 0], [0.5, 0, 0], [-0.3, 0.8, 0]], dtype=torch.float64)
        logits = torch.tensor([[0, 0, 0], [0.4, 0, 0], [0.2, -0.6, 0]], dtype=torch.float64)
        return z @ shift.t(), z @ logits.t() + torch.tensor([1.5, 1.0, 2.0], dtype=torch.float64) - 2


@pytest.fixture
def flow() -> InverseAutoregressiveFlow:
    made = InverseAutoregressiveFlow(5, steps=3, hidden=16, context=2).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made


def test_published_numbers() -> None:
    noise, mean, scale = (torch.tensor([row], dtype=torch.float64) for row in ((0.3, -0.7, 1.1), (0.1, 0.2, -0.3), (0.9, 1.1, 0.5)))
    base, start = Independent(Normal(mean, scale), 1), mean + scale * noise
    torch.testing.assert_close(start, torch.tensor([[0.37, -0.57, 0.25]], dtype=torch.float64))
    assert base.log_prob(start).item() == pytest.approx(-2.9486180832, abs=1e-9)
    flow, context = InverseAutoregressiveFlow(3, 1, 4, 1), torch.zeros(1, 1, dtype=torch.float64)
    flow.networks = nn.ModuleList([Linear()])
    z, determinant = flow(start, context)
    expected = torch.tensor([[0.3025025562, -0.3881547915, 0.1830380874]], dtype=torch.float64)
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-9)
    assert determinant.item() == pytest.approx(-0.5624903111352989, rel=1e-12)
    assert (base.log_prob(start) - determinant).item() == pytest.approx(-2.3861277721, abs=1e-9)
    flow.networks = nn.ModuleList([Linear(), Linear()])
    z, determinant = flow(start, context)
    expected = torch.tensor([[0.1496472685, -0.2659376798, 0.2399297314]], dtype=torch.float64)
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-9)
    assert (base.log_prob(start) - determinant).item() == pytest.approx(-1.7922589210, abs=1e-9)


def test_each_number_depends_on_those_before_it_and_on_the_context_alone() -> None:
    network = MaskedNetwork(4, hidden=9, context=2).double()
    nn.init.normal_(network.outer)
    z, context = torch.randn(4, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    for output in (0, 1):
        jacobian = torch.autograd.functional.jacobian(lambda x, o=output: network(x, context)[o], z)
        assert not jacobian.triu().any()
        assert (jacobian.abs() + torch.ones(4, 4).triu() > 0).all()
    assert (torch.autograd.functional.jacobian(lambda c: network(z, c)[0], context).abs().sum(1) > 0).all()


def test_the_determinant_is_that_of_the_jacobian(flow: InverseAutoregressiveFlow) -> None:
    z, context = torch.randn(5, dtype=torch.float64), torch.randn(2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x, context)[0], z)
    torch.testing.assert_close(flow(z, context)[1], torch.linalg.slogdet(jacobian).logabsdet)


def test_the_inverse_undoes_the_map(flow: InverseAutoregressiveFlow) -> None:
    z, context = torch.randn(3, 4, 5, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    image, determinant = flow(z, context)
    back, same = flow.inverse(image, context)
    torch.testing.assert_close(back, z, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(same, determinant, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [1, 2])
def test_few_dimensions(size: int) -> None:
    flow = InverseAutoregressiveFlow(size, steps=2, hidden=6, context=2).double()
    z, context = torch.randn(4, size, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    torch.testing.assert_close(flow.inverse(flow(z, context)[0], context)[0], z)


def test_the_kept_density_is_that_of_the_inversion(flow: InverseAutoregressiveFlow) -> None:
    zero = torch.zeros(4, 5, dtype=torch.float64)
    q = InverseAutoregressive(Independent(Normal(zero, zero + 1), 1), flow, torch.randn(4, 2, dtype=torch.float64))
    z = q.rsample(torch.Size([3]))
    kept = q.log_prob(z)
    torch.testing.assert_close(q.log_prob(z.clone()), kept, rtol=1e-9, atol=1e-9)
    q.rsample()
    torch.testing.assert_close(q.log_prob(z), kept, rtol=1e-9, atol=1e-9)


def test_the_inverse_broadcasts_as_forward_does(flow: InverseAutoregressiveFlow) -> None:
    z, context = torch.randn(7, 1, 5, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    for one, other in zip(flow.inverse(z, context), flow.inverse(z.expand(7, 3, 5), context.expand(7, 3, 2)), strict=True):
        torch.testing.assert_close(one, other)
