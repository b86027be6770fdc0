import numpy as np
import pytest
import torch
from scipy import stats

from seqvae.errors import ConfigError
from seqvae.generation.rules import Greedy, SamplingRule

LOGITS = np.array([1.3, -0.4, 0.2, -np.inf, 2.1, 0.9, -1.7, 0.0])


def oracle(logits, temperature=1.0, top_k=None, top_p=None):
    """The distribution by its definition, in float64, token by token."""
    p = np.exp(logits / temperature)
    p /= p.sum()
    ranked = sorted(range(len(p)), key=lambda token: -p[token])
    kept = ranked[:top_k]
    if top_p is not None:
        inner = p[kept] / p[kept].sum()
        size = next((n for n in range(1, len(kept) + 1) if inner[:n].sum() >= top_p), len(kept))
        kept = kept[:size]
    result = np.zeros_like(p)
    result[kept] = p[kept]
    return result / result.sum()


def draws(rule, logits, rows=40_000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return rule.choose(torch.tensor(logits, dtype=torch.float32).expand(rows, -1), generator).numpy()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.5},
        {"temperature": 2.0},
        {"top_k": 3},
        {"top_k": 100},
        {"top_p": 0.6},
        {"top_p": 0.95},
        {"top_p": 1.0},
        {"top_p": 1e-9},
        {"temperature": 1.5, "top_k": 5, "top_p": 0.8},
        {"temperature": 0.7, "top_k": 4, "top_p": 0.55},
    ],
)
def test_draws_follow_the_definition(options):
    expected = oracle(LOGITS, **options)
    counts = np.bincount(draws(SamplingRule(**options), LOGITS), minlength=len(LOGITS))
    possible = expected > 0
    assert counts[~possible].sum() == 0
    if possible.sum() > 1:
        assert stats.chisquare(counts[possible], expected[possible] * counts.sum()).pvalue > 1e-3
    else:
        assert counts[possible].sum() == counts.sum()


@pytest.mark.parametrize(("size", "top_p"), [(200, 0.6), (1500, 0.7)])
def test_a_nucleus_of_many_tokens(size, top_p):
    logits = np.random.default_rng(0).normal(0, 0.3, size)
    expected = oracle(logits, top_p=top_p)
    assert (expected > 0).sum() > size / 3
    drawn = np.concatenate([draws(SamplingRule(top_p=top_p), logits, rows=1000, seed=seed) for seed in range(10)])
    counts = np.bincount(drawn, minlength=size)
    assert counts[expected == 0].sum() == 0
    assert stats.chisquare(counts[expected > 0], expected[expected > 0] * counts.sum()).pvalue > 1e-3


def test_each_row_has_its_own_distribution():
    logits = torch.full((3, 6), -30.0)
    logits[torch.arange(3), torch.tensor([4, 0, 2])] = 30.0
    for rule in (Greedy(), SamplingRule(), SamplingRule(top_k=2), SamplingRule(top_p=0.9), SamplingRule(top_k=3, top_p=0.5)):
        assert rule.choose(logits, None).tolist() == [4, 0, 2]


def test_greedy_is_the_limit_of_sampling():
    logits = torch.randn(200, 30, generator=torch.Generator().manual_seed(1))
    likeliest = logits.numpy().argmax(1).tolist()
    for rule in (Greedy(), SamplingRule(top_k=1), SamplingRule(temperature=1e-30), SamplingRule(top_p=1e-12)):
        assert rule.choose(logits, None).tolist() == likeliest


def test_logits_of_any_size_are_safe():
    logits = torch.tensor([[1e4, 1e4, -1e4, -torch.inf], [-1e4, -2e4, -torch.inf, -torch.inf]])
    drawn = np.array([SamplingRule(temperature=0.1, top_p=0.99).choose(logits, None).numpy() for _ in range(50)])
    assert set(drawn[:, 0]) == {0, 1}
    assert set(drawn[:, 1]) == {0}


def test_a_seed_decides():
    rule = SamplingRule(temperature=2.0, top_k=6)
    assert (draws(rule, LOGITS, 500, seed=3) == draws(rule, LOGITS, 500, seed=3)).all()
    assert (draws(rule, LOGITS, 500, seed=3) != draws(rule, LOGITS, 500, seed=4)).any()


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": 0},
        {"top_k": -3},
        {"top_k": 2.5},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"top_p": float("nan")},
    ],
)
def test_values_out_of_range_are_refused_by_name(options):
    (name,) = options
    with pytest.raises(ConfigError, match=rf"{name}={options[name]}".replace("+", r"\+")):
        SamplingRule(**options)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        SamplingRule(temperature=0, top_k=0, top_p=0)
    assert len(caught.value.problems) == 3
