from __future__ import annotations

import torch

from seqvae.posteriors.batch_norm import FixedScaleNorm
from seqvae.posteriors.diagonal import DiagonalPosterior

BATCH = torch.tensor([[1.0, 2.0], [3.0, 2.5], [5.0, 0.0]], dtype=torch.float64)


def test_published_numbers() -> None:
    mean = FixedScaleNorm(2, 0.6, epsilon=1e-5).double()(BATCH)  # with the epsilon of the published code
    expected = torch.tensor(
        [[-0.7348455450, 0.2777448396], [0.0, 0.5554896792], [0.7348455450, -0.8332345188]], dtype=torch.float64
    )
    torch.testing.assert_close(mean, expected, rtol=0, atol=1e-9)
    torch.testing.assert_close(mean.square().sum(1).mean().item() / 2, 0.3599977822, rtol=0, atol=1e-9)


def test_the_scale_is_no_parameter_and_the_shift_is() -> None:
    norm = FixedScaleNorm(2, 0.6)
    assert [name for name, _ in norm.named_parameters()] == ["shift"]
    assert set(norm.state_dict()) == {"shift", "mean", "variance"}


def test_evaluation_uses_what_training_saw_and_leaves_it_alone() -> None:
    norm = FixedScaleNorm(2, 0.6).double()
    for _ in range(200):
        norm(BATCH)
    norm.eval()
    before = {name: tensor.clone() for name, tensor in norm.state_dict().items()}
    unbiased = (BATCH - BATCH.mean(0)) / BATCH.std(0) * 0.6
    torch.testing.assert_close(norm(BATCH), unbiased, rtol=1e-6, atol=1e-6)
    assert all(torch.equal(tensor, before[name]) for name, tensor in norm.state_dict().items())


def test_a_batch_of_one_record_can_be_trained_on() -> None:
    posterior = DiagonalPosterior(5, latent=3, batch_norm_gamma=0.6)
    assert torch.isfinite(posterior(torch.randn(1, 5)).mean).all()


def test_the_rate_cannot_fall_to_zero() -> None:
    """K gamma^2 / 2 nats at least, however little or much the features differ: 5.76 at K = 32, gamma = 0.6."""
    posterior = DiagonalPosterior(5, latent=32, batch_norm_gamma=0.6)
    for scale in (1e-3, 0.3, 1.0, 100.0):  # the first has the spread of an untrained encoder's means
        q = posterior(scale * torch.randn(64, 5))
        assert 0.5 * q.mean.square().sum(1).mean() > 5.7
