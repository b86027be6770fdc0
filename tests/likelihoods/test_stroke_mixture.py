"""The stroke mixture against scipy and published numbers; what it draws; and batches made to break it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from seqvae.batch import SequenceBatch, pad
from seqvae.generation.rules import Greedy, SamplingRule
from seqvae.likelihoods.stroke_mixture import StrokeMixture, StrokeMixtureLikelihood
from seqvae.steps import StepEmbedding, StepSpec

STROKES = StepSpec(size=5, discrete=False, start=(0.0, 0.0, 1.0, 0.0, 0.0))
WIDTH = 6


def likelihood(**keywords: Any) -> StrokeMixtureLikelihood:
    return StrokeMixtureLikelihood(STROKES, WIDTH, StepEmbedding(STROKES, 1), **keywords)


def published() -> StrokeMixture:
    """Two components whose densities have been computed to 40 digits."""
    number = torch.tensor([[0.1, 0.2, 0.5, 0.7, 0.3], [-0.5, 0.3, 1.2, 0.4, -0.6]], dtype=torch.float64)
    component = torch.tensor([0.2, -0.4], dtype=torch.float64)
    return StrokeMixture(torch.zeros(3, dtype=torch.float64), component, number[:, :2], number[:, 2:4].log(), number[:, 4])


def random_mixture(components: int, wide: float = 1.0) -> StrokeMixture:
    made = likelihood(components=components).double()
    torch.nn.init.normal_(made.project.weight, std=wide)
    with torch.no_grad():
        return made.mixture(torch.randn(1, WIDTH, dtype=torch.float64))


def sketch(*offsets: tuple[float, float], lifts: tuple[int, ...] = ()) -> Tensor:
    """Stroke-5 with its ending step."""
    rows = [[x, y, float(i not in lifts), float(i in lifts), 0.0] for i, (x, y) in enumerate(offsets)]
    return torch.tensor([*rows, [0.0, 0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)


# ---- densities ----


def test_published_densities() -> None:
    mixture, offset = published(), torch.tensor([0.4, -0.1], dtype=torch.float64)
    assert mixture.offset_log_prob(offset).item() == pytest.approx(-1.2131276368, abs=1e-10)
    for k, value in enumerate((-1.1243936591, -1.3983424650)):
        alone = StrokeMixture(
            mixture.pen,
            mixture.component[k : k + 1],
            mixture.mean[k : k + 1],
            mixture.log_scale[k : k + 1],
            mixture.correlation[k : k + 1],
        )
        assert alone.offset_log_prob(offset).item() == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_scipys_mixture(seed: int) -> None:
    torch.manual_seed(seed)
    mixture = random_mixture(components=3)
    offset = torch.randn(2, dtype=torch.float64)
    weights = mixture.component[0].softmax(-1).numpy()
    scale, rho = mixture.log_scale[0].exp().numpy(), mixture.correlation[0].numpy()
    density = 0.0
    for k in range(3):
        off = rho[k] * scale[k].prod()
        covariance = [[scale[k, 0] ** 2, off], [off, scale[k, 1] ** 2]]
        density += weights[k] * stats.multivariate_normal(mixture.mean[0, k].numpy(), covariance).pdf(offset.numpy())
    assert mixture.offset_log_prob(offset).item() == pytest.approx(math.log(density), rel=1e-9)


def test_the_density_integrates_to_one() -> None:
    line = torch.linspace(-12, 12, 601, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1)
    mass = published().offset_log_prob(grid).exp().sum() * (line[1] - line[0]) ** 2
    assert mass.item() == pytest.approx(1.0, abs=1e-6)


def test_a_sketch_is_scored_offset_by_offset_and_its_end_by_the_pen_alone() -> None:
    made = likelihood(components=2).double()
    steps = sketch((0.3, -0.2), (1.0, 0.5), lifts=(1,))
    features = torch.randn(1, 1, 3, WIDTH, dtype=torch.float64)
    mixture = made.mixture(features[0, 0])
    pen = mixture.pen.log_softmax(-1)
    expected = mixture.offset_log_prob(steps[:, :2])[:2].sum() + pen[0, 0] + pen[1, 1] + pen[2, 2]
    found = made.log_prob(features, SequenceBatch(*pad([steps])))
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)


def test_scales_keep_above_their_floor_and_correlations_within_their_limit() -> None:
    made = likelihood(components=5, scale_floor=0.05, correlation_limit=0.9).double()
    torch.nn.init.normal_(made.project.weight, std=50)
    mixture = made.mixture(torch.randn(200, WIDTH, dtype=torch.float64))
    least, most = mixture.log_scale.exp().min().item(), mixture.correlation.abs().max().item()
    assert 0.05 * (1 - 1e-12) <= least < 0.0501, "below the floor, or no scale came near it"
    assert 0.89 < most <= 0.9


def test_the_floor_is_not_felt_by_ordinary_scales() -> None:
    made = likelihood(components=1).double()
    with torch.no_grad():
        made.project.weight.zero_()
        made.project.bias.copy_(torch.tensor([0, 0, 0, 0, 0, 0, math.log(0.5), math.log(2.0), 0.0]))
    scale = made.mixture(torch.zeros(1, WIDTH, dtype=torch.float64)).log_scale.exp()
    torch.testing.assert_close(scale, torch.tensor([[[0.5, 2.0]]], dtype=torch.float64), rtol=2.5e-4, atol=0)


def test_no_data_set_has_an_unbounded_density() -> None:
    """Offsets that sit on a component whose scales want to vanish, as repeated offsets in the data make them."""
    made = likelihood(components=5).double()
    torch.nn.init.normal_(made.project.weight, std=50)
    mixture = made.mixture(torch.randn(500, WIDTH, dtype=torch.float64))
    best = mixture.offset_log_prob(mixture.mean.transpose(0, 1)).max().item()
    bound = -math.log(2 * math.pi * 0.01**2 * math.sqrt(1 - 0.99**2))
    assert bound == pytest.approx(9.3, abs=0.05)
    assert bound - 0.1 < best <= bound + 1e-9


def test_densities_under_autocast_are_those_of_float32() -> None:
    made, batch = likelihood(), SequenceBatch(*pad([sketch((0.1, 0.2), (3.0, -4.0)).float()]))
    features = torch.randn(1, 1, 3, WIDTH)
    exact = made.log_prob(features, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(made.log_prob(features, batch), exact)
        assert made.log_prob(features.bfloat16(), batch).dtype == torch.float32


ADVERSARIAL = {
    "zero offsets": sketch(*[(0.0, 0.0)] * 8),
    "one point": sketch((1.0, -1.0)),
    "no point": sketch(),
    "huge offsets": sketch((1e6, -1e6), (-1e6, 1e6)),
    "tiny offsets": sketch(*[(1e-30, -1e-30)] * 3),
    "2,000 points": sketch(*[(0.1, 0.1)] * 2000),
    "lifts only": sketch(*[(0.5, 0.0)] * 5, lifts=(0, 1, 2, 3, 4)),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("std", [1e-3, 1.0, 100.0])
def test_loss_and_gradient_are_finite_whatever_the_batch_and_the_weights(name: str, std: float) -> None:
    made = likelihood()
    torch.nn.init.normal_(made.project.weight, std=std)
    steps = ADVERSARIAL[name].float()
    features = (2 * torch.rand(1, 1, len(steps), WIDTH) - 1).requires_grad_()
    loss = -made.log_prob(features, SequenceBatch(*pad([steps]))).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(features.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters())


# ---- drawing ----


def frozen(bias: list[float], components: int, **keywords: Any) -> StrokeMixtureLikelihood:
    """A likelihood that gives the same mixture whatever the features."""
    made = likelihood(components=components, **keywords).double()
    with torch.no_grad():
        made.project.weight.zero_()
        made.project.bias.copy_(torch.tensor(bias))
    return made


@torch.no_grad()
def draws(made: StrokeMixtureLikelihood, rule: Any, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    step, ended = made.draw(torch.zeros(rows, WIDTH, dtype=torch.float64), rule, torch.Generator().manual_seed(1))
    assert torch.equal(ended, step[:, 4] == 1)
    return step.numpy(), ended.numpy()


SHAPE = [0.7, -0.4, math.log(0.5), math.log(1.5), math.atanh(0.6 / 0.99)]  # means, log scales, correlation


def test_draws_have_the_mixtures_moments() -> None:
    step, _ = draws(frozen([9.0, 0.0, -9.0, 0.0, *SHAPE], 1), SamplingRule())
    offset = step[step[:, 4] == 0, :2]
    np.testing.assert_allclose(offset.mean(0), [0.7, -0.4], atol=5 * 1.5 / math.sqrt(len(offset)))
    np.testing.assert_allclose(offset.std(0), [0.5, 1.5], rtol=0.025)
    assert np.corrcoef(offset.T)[0, 1] == pytest.approx(0.6, abs=0.025)


@pytest.mark.parametrize(
    ("form", "factor", "softness"), [("paper", 0.5, 0.25), ("magenta", 0.25, 0.25), ("javascript", 0.5, 0.625)]
)
def test_temperature_in_its_three_forms(form: str, factor: float, softness: float) -> None:
    """At tau 1/4: the paper's standard deviation halves, magenta's is a quarter; the browser's softmax takes 0.625."""
    pen = [0.3, 0.0, -0.2]
    step, ended = draws(frozen([*pen, 0.0, *SHAPE], 1, temperature_form=form), SamplingRule(0.25))
    np.testing.assert_allclose(step[~ended, :2].std(0), [0.5 * factor, 1.5 * factor], rtol=0.035)
    shares = np.exp(np.array(pen) / softness) / np.exp(np.array(pen) / softness).sum()
    np.testing.assert_allclose(step[:, 2:].mean(0), shares, atol=5 * 0.5 / math.sqrt(len(step)))


def test_components_are_drawn_by_their_weights() -> None:
    bias = [9.0, -9.0, -9.0, 1.0, 0.0, -5.0, 5.0, 0.0, 0.0, *[math.log(0.1)] * 4, 0.0, 0.0]
    step, _ = draws(frozen(bias, 2), SamplingRule())
    assert (step[:, 0] < 0).mean() == pytest.approx(1 / (1 + math.exp(-1)), abs=0.02)


def test_greedy_takes_the_likeliest_component_at_its_mean() -> None:
    bias = [0.0, 1.0, 0.5, 0.0, 1.0, -5.0, 5.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    step, ended = draws(frozen(bias, 2), Greedy(), rows=3)
    assert not ended.any()
    np.testing.assert_allclose(step, [[5.0, 3.0, 0.0, 1.0, 0.0]] * 3, atol=1e-6)


def test_the_ending_step_is_the_codecs() -> None:
    step, ended = draws(frozen([0.0, 0.0, 9.0, 0.0, *SHAPE], 1), Greedy(), rows=2)
    assert ended.all()
    assert step.tolist() == [[0.0, 0.0, 0.0, 0.0, 1.0]] * 2


def test_the_same_generator_gives_the_same_strokes() -> None:
    made, rule = likelihood(), SamplingRule(0.7)
    features = torch.randn(5, WIDTH)
    one, _ = made.draw(features, rule, torch.Generator().manual_seed(3))
    two, _ = made.draw(features, rule, torch.Generator().manual_seed(3))
    assert torch.equal(one, two)
