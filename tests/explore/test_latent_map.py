import numpy as np
import pytest
import torch

from seqvae.errors import DataError
from seqvae.explore.latent_map import latent_map


def cloud(n=300, k=6):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, k, generator=generator) * torch.linspace(3, 0.5, k) + torch.arange(k)


def test_variance_and_axes_agree_with_the_covariance():
    latents = cloud()
    found = latent_map(latents)
    values, vectors = np.linalg.eigh(np.cov(latents.double().numpy().T))
    np.testing.assert_allclose(found.explained, values[::-1][:2] / values.sum(), rtol=1e-9)
    np.testing.assert_allclose(np.abs(found.axes.numpy() @ vectors[:, ::-1][:, :2]), np.eye(2), atol=1e-9)
    np.testing.assert_allclose(found.coordinates.var(0).numpy(), values[::-1][:2], rtol=1e-9)
    np.testing.assert_allclose(found.coordinates.mean(0).numpy(), 0, atol=1e-12)


def test_the_sign_does_not_depend_on_the_order_of_rows():
    latents = cloud()
    found, turned = latent_map(latents), latent_map(latents.flip(0))
    torch.testing.assert_close(found.coordinates, turned.coordinates.flip(0))
    assert (found.axes.gather(1, found.axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_other_latents_fall_on_the_same_plane():
    latents = cloud()
    found = latent_map(latents)
    torch.testing.assert_close(found.project(latents[5:9]), found.coordinates[5:9])
    torch.testing.assert_close(
        found.project(latents.mean(0, keepdim=True)), torch.zeros(1, 2, dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_moving_every_latent_moves_nothing():
    latents = cloud().double()
    torch.testing.assert_close(latent_map(latents + 100).coordinates, latent_map(latents).coordinates)


def test_a_sequence_of_latents_is_flattened():
    latents = cloud(50, 6)
    torch.testing.assert_close(latent_map(latents.view(50, 2, 3)).coordinates, latent_map(latents).coordinates)


@pytest.mark.parametrize("latents", [torch.ones(1, 5), torch.ones(4, 5), torch.zeros(3, 1)])
def test_where_nothing_varies(latents):
    found = latent_map(latents)
    assert torch.equal(found.coordinates, torch.zeros(len(latents), 2, dtype=torch.float64))
    assert found.explained == (0.0, 0.0)


def test_two_latents_span_one_axis():
    found = latent_map(torch.tensor([[0.0, 0.0, 3.0], [0.0, 4.0, 3.0]]))
    torch.testing.assert_close(found.coordinates, torch.tensor([[-2.0, 0.0], [2.0, 0.0]], dtype=torch.float64))
    assert found.explained == pytest.approx((1.0, 0.0))


def test_one_dimension_has_one_axis():
    found = latent_map(torch.tensor([[1.0], [2.0], [6.0]]))
    torch.testing.assert_close(found.coordinates, torch.tensor([[-2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]], dtype=torch.float64))


def test_no_latents():
    with pytest.raises(DataError, match="no latents"):
        latent_map(torch.zeros(0, 3))
