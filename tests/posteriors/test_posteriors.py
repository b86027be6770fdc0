"""What every posterior must do. A new posterior is one line in `CASES`, with a prior that it is measured against."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from seqvae import registry
from seqvae.distributions.point_mass import has_density
from seqvae.distributions.sphere import SphericalUniform
from seqvae.distributions.support import same_support
from seqvae.rate import rate

WIDTH = 5


class Case(NamedTuple):
    """A posterior, the prior it is held against, and what it does not claim."""

    posterior: dict[str, Any]
    prior: str = "standard_normal"
    smooth: bool = True  # whether a sample at a fixed seed is a smooth function of the features; a rejection sampler's is not
    exact_mean: bool = True  # whether `mean` is the mean of the samples, or a location that stands for it


CASES = [
    Case({"kind": "diagonal", "latent": 3}),
    Case({"kind": "diagonal", "latent": 1}),
    Case({"kind": "diagonal", "latent": 3, "batch_norm_gamma": 0.6}),
    Case({"kind": "diagonal", "latent": 2, "positions": 3}),
    Case({"kind": "diagonal", "latent": 2, "positions": 3}, "ar1"),
    Case({"kind": "full_covariance", "latent": 3}),
    Case({"kind": "delta", "latent": 3}),
    Case({"kind": "iaf", "latent": 3, "steps": 2, "hidden": 8}, exact_mean=False),
    Case({"kind": "iaf", "latent": 3, "steps": 1, "hidden": 8}, "mixture", exact_mean=False),
    Case({"kind": "diagonal", "latent": 3}, "vamp"),
    Case({"kind": "von_mises_fisher", "latent": 4, "kappa": 5.0}, "vamp"),
    Case({"kind": "deterministic", "latent": 3}),
    Case({"kind": "deterministic", "latent": 2, "positions": 3}),
    Case({"kind": "von_mises_fisher", "latent": 4, "kappa": 5.0}, "uniform_sphere"),
    Case({"kind": "von_mises_fisher", "latent": 2, "kappa": 5.0}, "uniform_sphere"),
    Case({"kind": "von_mises_fisher", "latent": 4, "kappa": "learned"}, "uniform_sphere", smooth=False),
    Case({"kind": "power_spherical", "latent": 4, "kappa": 5.0}, "uniform_sphere"),
    Case({"kind": "power_spherical", "latent": 4, "kappa": "learned"}, "uniform_sphere", smooth=False),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def posterior(case: Case) -> nn.Module:
    """In float64, away from the plain beginning that some have."""
    made = registry.build("posterior", case.posterior, WIDTH).double()
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5)
    return made


@pytest.fixture
def prior(case: Case, posterior: nn.Module) -> Distribution:
    return registry.build("prior", {"kind": case.prior}, posterior.event_shape, posterior=posterior).double()()


@pytest.fixture
def features() -> Tensor:
    return torch.randn(4, WIDTH, dtype=torch.float64)


def only_with_density(q: Distribution) -> None:
    if not has_density(q):
        pytest.skip("a point has no density")


def test_every_registered_posterior_is_tested() -> None:
    assert {case.posterior["kind"] for case in CASES} == set(registry.names("posterior"))


def test_it_says_what_it_reads_and_gives(posterior: nn.Module, prior: Distribution, features: Tensor) -> None:
    q = posterior(features)
    assert posterior.width == WIDTH
    assert q.event_shape == posterior.event_shape
    assert same_support(q, posterior)
    assert same_support(q, prior)


def test_shapes(posterior: nn.Module, features: Tensor) -> None:
    q = posterior(features)
    z = q.rsample(torch.Size([7]))
    assert q.batch_shape == (4,)
    assert z.shape == (7, 4, *posterior.event_shape)
    assert q.mean.shape == (4, *posterior.event_shape)
    if has_density(q):
        assert q.log_prob(z).shape == (7, 4)


def test_samples_lie_on_the_support(posterior: nn.Module, features: Tensor) -> None:
    q = posterior(features)
    assert q.support.check(q.sample(torch.Size([50]))).all()


def test_samples_have_the_stated_mean_and_spread(case: Case, posterior: nn.Module, features: Tensor) -> None:
    if not case.exact_mean:
        pytest.skip("the mean has no closed form")
    q = posterior(features)
    n = 4000
    with torch.no_grad():
        z = q.sample(torch.Size([n]))
        assert ((z.mean(0) - q.mean).abs() <= 5 * z.std(0) / n**0.5 + 1e-12).all()
        try:
            stated = q.variance
        except NotImplementedError:
            return
    # for a Gaussian the variance of a sample variance is 2 sigma^4 / (n - 1); twice that covers mild tails
    assert ((z.var(0) - stated).abs() <= 5 * (4 / n) ** 0.5 * stated).all()


def test_log_prob_integrates_to_one(posterior: nn.Module, prior: Distribution, features: Tensor) -> None:
    """Importance sampling under a wider distribution: E_r[q / r] = 1."""
    q = posterior(features)
    only_with_density(q)
    n = 20_000
    with torch.no_grad():
        if isinstance(prior, SphericalUniform):
            z = prior.sample(torch.Size([n, 4]))
            log_r = prior.log_prob(z)
        else:
            drawn = q.sample(torch.Size([2000]))
            r = Normal(drawn.mean(0), 1.5 * drawn.std(0))
            z = r.sample(torch.Size([n]))
            log_r = r.log_prob(z).flatten(2).sum(-1)
        weights = torch.exp(q.log_prob(z) - log_r)
    assert ((weights.mean(0) - 1).abs() < 5 * weights.std(0) / n**0.5).all()


def test_the_rate_is_its_own_monte_carlo_estimate(posterior: nn.Module, prior: Distribution, features: Tensor) -> None:
    q = posterior(features)
    n = 20_000
    with torch.no_grad():
        z = q.sample(torch.Size([n]))
        found = rate(q, prior, z).total
        if not has_density(q):
            assert torch.equal(found, torch.zeros(4, dtype=torch.float64))  # by convention
            return
        estimates = q.log_prob(z) - prior.log_prob(z)
    exact = found if found.dim() == 1 else found.mean(0)
    assert exact.shape == (4,)
    assert (exact >= 0).all()
    assert ((estimates.mean(0) - exact).abs() <= 5 * estimates.std(0) / n**0.5 + 1e-9).all()


def test_gradients_of_samples_and_rate_are_finite_differences(
    case: Case, posterior: nn.Module, prior: Distribution, features: Tensor
) -> None:
    posterior.eval()

    def sample_and_rate(x: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        q = posterior(x)
        z = q.rsample(torch.Size([2]))
        total = rate(q, prior, z).total
        return (z if case.smooth else torch.zeros_like(total)), total

    assert torch.autograd.gradcheck(sample_and_rate, (features.requires_grad_(),))


def test_gradients_reach_every_parameter(posterior: nn.Module, features: Tensor) -> None:
    z = posterior(features).rsample(torch.Size([2]))
    (z * torch.randn_like(z)).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in posterior.parameters())


def test_a_batch_of_one_is_one_row_of_many(posterior: nn.Module, features: Tensor) -> None:
    posterior.eval()
    q = posterior(features)
    only_with_density(q)
    with torch.no_grad():
        z = q.sample(torch.Size([2])).flip(1)  # each row's samples under another row's posterior
        rows = [posterior(features[i : i + 1]).log_prob(z[:, i : i + 1]) for i in range(4)]
        torch.testing.assert_close(torch.cat(rows, dim=1), q.log_prob(z))


def test_densities_are_float32_whatever_the_features(posterior: nn.Module, features: Tensor) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        q = posterior.float()(features.float())
        z = q.rsample(torch.Size([2]))
        assert z.dtype == torch.float32
        if has_density(q):
            assert q.log_prob(z).dtype == torch.float32


def test_float32_agrees_with_float64(posterior: nn.Module, features: Tensor) -> None:
    q = posterior.eval()(features)
    only_with_density(q)
    with torch.no_grad():
        z = q.sample(torch.Size([20]))
        exact = q.log_prob(z)
        rough = posterior.float()(features.float()).log_prob(z.float())
    torch.testing.assert_close(rough.double(), exact, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_features_give_finite_densities_and_gradients(case: Case, posterior: nn.Module, size: float) -> None:
    features = (size * torch.tensor([[1.0] * WIDTH, [-0.5] * WIDTH])).requires_grad_()
    prior = registry.build("prior", {"kind": case.prior}, posterior.event_shape, posterior=posterior.float())()
    q = posterior(features)
    z = q.rsample(torch.Size([3]))
    total = rate(q, prior, z).total
    (total.sum() + z.sum()).backward()
    assert torch.isfinite(z).all()
    assert torch.isfinite(total).all()
    assert torch.isfinite(features.grad).all()
    if has_density(q):
        assert torch.isfinite(q.log_prob(z)).all()
