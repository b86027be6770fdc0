from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import logsumexp
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from seqvae.evaluation import latent
from seqvae.evaluation.latent import (
    active_units,
    aggregated_kl,
    aggregated_log_prob,
    minibatch_mutual_information,
    mutual_information,
)

STANDARD = Independent(Normal(torch.zeros(1), torch.ones(1)), 1)


def normals(mean: Tensor, scale: Tensor, sizes: list[int]) -> list[Distribution]:
    """Diagonal Gaussians in batches of the given sizes."""
    parts = zip(mean.split(sizes), scale.split(sizes), strict=True)
    return [Independent(Normal(m, s), mean.dim() - 1) for m, s in parts]


def problem(seed: int, samples: int = 2, event: tuple[int, ...] = (3,), spread: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    mean = spread * torch.randn(7, *event, generator=random)
    scale = 0.2 + torch.rand(7, *event, generator=random)
    z = mean + scale * torch.randn(samples, 7, *event, generator=random)
    return mean, scale, z


def oracle(mean: Tensor, scale: Tensor, z: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """log q(z|x) and log q(z), `[S,N]`, by scipy, one pair at a time."""
    m, s, points = (t.double().numpy() for t in (mean, scale, z))
    count = len(m)
    table = np.array(
        [[[stats.norm.logpdf(points[a, i], m[j], s[j]).sum() for j in range(count)] for i in range(count)] for a in range(len(z))]
    )
    return np.einsum("sii->si", table), logsumexp(table, axis=2) - math.log(count)


def quantile_samples(means: tuple[float, ...], samples: int) -> Tensor:
    """`[S,N,1]` evenly spaced quantiles of N(mean, 1): averages over them are integrals by the midpoint rule."""
    quantiles = stats.norm.ppf((np.arange(samples) + 0.5) / samples)
    return torch.tensor(quantiles[:, None, None] + np.array(means)[:, None])


class TestActiveUnits:
    def test_published_example(self) -> None:
        assert active_units(torch.tensor([[0, 1, 0.05], [0.3, -1, 0.05], [-0.3, 0, 0.06]])) == 2

    @pytest.mark.parametrize(
        ("half_distance", "active"), [(0.0708, 1), (0.0706, 0)]
    )  # 2 a^2 = 0.01 at 0.0707; the biased variance is a^2
    def test_threshold_is_on_the_unbiased_variance(self, half_distance: float, active: int) -> None:
        assert active_units(torch.tensor([[half_distance], [-half_distance]])) == active

    def test_a_constant_far_from_zero_is_inactive(self) -> None:
        assert active_units(torch.full((100, 3), 1000.1)) == 0

    def test_one_record_has_no_active_unit(self) -> None:
        assert active_units(torch.ones(1, 3)) == 0

    def test_every_number_of_a_matrix_latent_counts(self) -> None:
        means = torch.zeros(5, 2, 3)
        means[:, 0, 1] = means[:, 1, 2] = torch.arange(5.0)
        assert active_units(means) == 2


class TestTwoFarComponents:
    """q(z|x) = N(+-2, 1), two records: numbers by quadrature to ten digits."""

    q = normals(torch.tensor([[2.0], [-2.0]]), torch.ones(2, 1), [2])
    z = quantile_samples((2.0, -2.0), 100_000)

    def test_mutual_information(self) -> None:
        assert mutual_information(self.q, self.z) == pytest.approx(0.6327201937, abs=1e-5)

    def test_divergence_of_the_aggregate_from_the_prior(self) -> None:
        assert aggregated_kl(self.q, STANDARD, self.z) == pytest.approx(
            1.3672798063, abs=1e-3
        )  # tails are cut at the last quantile

    def test_rate_is_information_plus_divergence(self) -> None:
        rate = torch.distributions.kl_divergence(self.q[0], STANDARD.expand([2])).mean()
        assert float(rate) == pytest.approx(2.0)
        assert mutual_information(self.q, self.z) + aggregated_kl(self.q, STANDARD, self.z) == pytest.approx(2.0, abs=1e-3)

    def test_random_samples_agree_within_five_standard_errors(self) -> None:
        z = torch.tensor([[2.0], [-2.0]]) + torch.randn(20_000, 2, 1, generator=torch.Generator().manual_seed(0))
        deviation = 0.3267  # of log q(z|x) - log q(z), by quadrature
        assert mutual_information(self.q, z) == pytest.approx(0.6327201937, abs=5 * deviation / math.sqrt(40_000))


class TestAgainstScipy:
    @pytest.mark.parametrize("event", [(3,), (2, 3)])
    def test_diagonal_gaussians(self, event: tuple[int, ...]) -> None:
        mean, scale, z = problem(0, event=event)
        own, aggregated = oracle(mean, scale, z)
        q = normals(mean, scale, [4, 3])
        np.testing.assert_allclose(aggregated_log_prob(q, z).numpy(), aggregated, rtol=1e-12)
        assert mutual_information(q, z) == pytest.approx((own - aggregated).mean(), rel=1e-12)

    def test_any_distribution(self) -> None:
        mean, scale, z = problem(1)
        mean, scale, z = mean.double(), scale.double(), z.double()
        own, aggregated = oracle(mean, scale, z)
        q: list[Distribution] = [
            MultivariateNormal(m, torch.diag_embed(s.square())) for m, s in [(mean[:5], scale[:5]), (mean[5:], scale[5:])]
        ]
        np.testing.assert_allclose(aggregated_log_prob(q, z).numpy(), aggregated, rtol=1e-10)
        assert mutual_information(q, z) == pytest.approx((own - aggregated).mean(), rel=1e-10)

    def test_narrow_posteriors_far_from_zero(self) -> None:
        random = torch.Generator().manual_seed(2)
        mean = 3 + 1e-4 * torch.randn(7, 3, generator=random)
        scale = torch.full((7, 3), 1e-4)
        z = mean.double() + scale.double() * torch.randn(2, 7, 3, generator=random)
        own, aggregated = oracle(mean, scale, z)
        assert mutual_information(normals(mean, scale, [7]), z) == pytest.approx((own - aggregated).mean(), abs=1e-6)

    def test_minibatch_estimate(self) -> None:
        mean, scale, z = problem(3)
        order = torch.randperm(7, generator=torch.Generator().manual_seed(5))
        expected = 0.0
        for rows in (order[:4], order[4:]):
            own, aggregated = oracle(mean[rows], scale[rows], z[:, rows])
            expected += (own - aggregated).mean() * len(rows) / 7
        for sizes in ([7], [2, 5]):  # how the posteriors came is another matter
            assert minibatch_mutual_information(normals(mean, scale, sizes), z, 4, seed=5) == pytest.approx(expected, rel=1e-9)


class TestBehaviour:
    def test_single_precision_agrees_with_double(self) -> None:
        mean, scale, z = problem(4)
        single = mutual_information(normals(mean, scale, [7]), z)
        assert single == pytest.approx(mutual_information(normals(mean.double(), scale.double(), [7]), z.double()), abs=1e-9)

    def test_batching_changes_nothing(self) -> None:
        mean, scale, z = problem(5)
        together = mutual_information(normals(mean, scale, [7]), z)
        assert mutual_information(normals(mean, scale, [1, 4, 2]), z) == pytest.approx(together, rel=1e-12)

    @pytest.mark.parametrize("general", [False, True])
    def test_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch, general: bool) -> None:
        mean, scale, z = problem(6)
        q: list[Distribution] = [MultivariateNormal(mean, torch.diag_embed(scale))] if general else normals(mean, scale, [7])
        whole = aggregated_log_prob(q, z)
        monkeypatch.setattr(latent, "BLOCK_ELEMENTS", 16)
        torch.testing.assert_close(aggregated_log_prob(q, z), whole, rtol=1e-6, atol=0)

    def test_order_of_records_changes_nothing(self) -> None:
        mean, scale, z = problem(7)
        order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
        shuffled = mutual_information(normals(mean[order], scale[order], [7]), z[:, order])
        assert shuffled == pytest.approx(mutual_information(normals(mean, scale, [7]), z), rel=1e-12)

    def test_a_constant_posterior_tells_nothing_whatever_its_rate(self) -> None:
        mean, scale = torch.full((7, 3), 4.0), torch.full((7, 3), 0.5)
        z = mean + scale * torch.randn(1, 7, 3, generator=torch.Generator().manual_seed(0))
        q = normals(mean, scale, [4, 3])
        assert abs(mutual_information(q, z)) < 1e-9
        assert abs(minibatch_mutual_information(q, z, 3)) < 1e-9

    def test_never_above_the_bound_and_at_it_when_all_are_apart(self) -> None:
        mean, scale, z = problem(8, spread=1000.0)
        assert mutual_information(normals(mean, scale, [7]), z) == pytest.approx(math.log(7), abs=1e-12)
        expected = (4 * math.log(4) + 3 * math.log(3)) / 7
        assert minibatch_mutual_information(normals(mean, scale, [7]), z, 4) == pytest.approx(expected, abs=1e-12)

    def test_the_minibatch_estimate_of_one_batch_is_the_whole(self) -> None:
        mean, scale, z = problem(9)
        q = normals(mean, scale, [7])
        assert minibatch_mutual_information(q, z) == mutual_information(q, z)
