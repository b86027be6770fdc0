"""`token_log_prob` against torch's own cross entropy and finite differences."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seqvae.likelihoods import token_log_prob as module
from seqvae.likelihoods.token_log_prob import token_log_prob

POSITIONS, WIDTH, VOCABULARY = 37, 6, 23


def inputs(dtype: torch.dtype = torch.float64, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features, weight and bias that require a gradient, and targets."""
    generator = torch.Generator().manual_seed(0)

    def leaf(*shape: int) -> Tensor:
        return (torch.randn(*shape, generator=generator, dtype=torch.float64) * scale).to(dtype).requires_grad_()

    targets = torch.randint(0, VOCABULARY, (POSITIONS,), generator=generator)
    return leaf(POSITIONS, WIDTH), leaf(VOCABULARY, WIDTH), leaf(VOCABULARY), targets


def oracle(features: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    return -functional.cross_entropy(functional.linear(features, weight, bias), targets, reduction="none")


def gradients(scores: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    """Of a sum that weighs every position differently, as importance weights do."""
    return torch.autograd.grad(scores @ torch.linspace(-1, 2, len(scores), dtype=scores.dtype), leaves)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "recomputed"])
@pytest.mark.parametrize("rows", [1, 16, 20, 37, 1000])
def test_any_block_size_gives_cross_entropy_and_its_gradients(monkeypatch: pytest.MonkeyPatch, rows: int, keep: bool) -> None:
    monkeypatch.setattr(module, "_blocks", lambda features, weight: [slice(i, i + rows) for i in range(0, len(features), rows)])
    if not keep:
        monkeypatch.setattr(module, "KEEP_ELEMENTS", 0)
    features, weight, bias, targets = inputs()
    scores, expected = token_log_prob(features, weight, bias, targets), oracle(features, weight, bias, targets)
    torch.testing.assert_close(scores, expected, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(gradients(scores, features, weight, bias), gradients(expected, features, weight, bias), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_real_blocks_cover_every_position_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    weight = torch.empty(10_000, 1)
    blocks = module._blocks(torch.empty(5001, 1), weight)
    assert len(blocks) > 1
    assert [i for block in blocks for i in range(5001)[block]] == list(range(5001))
    assert len(module._blocks(torch.empty(100, 1), torch.empty(10**7, 1))) == 7, "a huge vocabulary still goes 16 rows at a time"


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "recomputed"])
def test_gradcheck(monkeypatch: pytest.MonkeyPatch, keep: bool) -> None:
    if not keep:
        monkeypatch.setattr(module, "KEEP_ELEMENTS", 0)
    features, weight, bias, targets = inputs()
    few = features[:5].detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda f, w, b: token_log_prob(f, w, b, targets[:5]), (few, weight, bias))
    assert torch.autograd.gradcheck(lambda f, w: token_log_prob(f, w, None, targets[:5]), (few, weight))


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_a_frozen_argument_leaves_the_other_gradients_as_they_are(frozen: int) -> None:
    *leaves, targets = inputs()
    leaves[frozen].requires_grad_(False)
    moving = [leaf for leaf in leaves if leaf.requires_grad]
    ours = gradients(token_log_prob(leaves[0], leaves[1], leaves[2], targets), *moving)
    theirs = gradients(oracle(leaves[0], leaves[1], leaves[2], targets), *moving)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


def test_no_grad_and_grad_agree_and_float32_stays_float32() -> None:
    features, weight, bias, targets = inputs(torch.float32)
    with torch.no_grad():
        quick = token_log_prob(features, weight, bias, targets)
    full = token_log_prob(features, weight, bias, targets)
    assert quick.dtype == full.dtype == torch.float32
    torch.testing.assert_close(quick, full.detach(), rtol=1e-6, atol=1e-6)
    exact = oracle(features.double(), weight.double(), bias.double(), targets)
    torch.testing.assert_close(full.double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "recomputed"])
def test_a_second_backward_pass_gives_the_same(monkeypatch: pytest.MonkeyPatch, keep: bool) -> None:
    if not keep:
        monkeypatch.setattr(module, "KEEP_ELEMENTS", 0)
    features, weight, bias, targets = inputs()
    total = token_log_prob(features, weight, bias, targets).sum()
    first = torch.autograd.grad(total, (features, weight, bias), retain_graph=True)
    second = torch.autograd.grad(total, (features, weight, bias))
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_extreme_logits_stay_finite_and_exact() -> None:
    weight = torch.eye(3, dtype=torch.float32, requires_grad=True)
    features = (torch.tensor([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]])).requires_grad_()
    targets = torch.tensor([1, 2, 0])
    scores = token_log_prob(features, weight, None, targets)
    torch.testing.assert_close(scores, torch.tensor([-2e4, -1.0986123, -1.0986123]))
    assert all(torch.isfinite(gradient).all() for gradient in torch.autograd.grad(scores.sum(), (features, weight)))


def test_a_certain_prediction_leaves_no_gradient_in_bf16() -> None:
    """The gradient is softmax - onehot, made before rounding: two rounded halves would leave 2^-9 of the features behind."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(50, 8, generator=generator).bfloat16()
    targets = torch.arange(50) % 10
    weight = torch.zeros(10, 8).bfloat16().requires_grad_()
    bias = torch.full((10,), -1.0)
    for target in range(10):
        chosen = targets == target
        sure = bias.clone()
        sure[target] = 60.0
        scores = token_log_prob(features[chosen], weight, sure.bfloat16(), targets[chosen])
        (gradient,) = torch.autograd.grad(scores.sum(), weight)
        assert scores.abs().max() < 1e-20
        assert gradient.abs().max() < 1e-20


def test_autocast_runs_in_bf16_and_returns_float32() -> None:
    features, weight, bias, targets = inputs(torch.float32, scale=0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = token_log_prob(features, weight, bias, targets)
    exact = oracle(features, weight, bias, targets)
    assert scores.dtype == torch.float32
    # a bf16 logit carries 8 bits: each of a few logits near 1 is off by at most 2^-8
    torch.testing.assert_close(scores, exact, rtol=0, atol=0.03)
    assert not torch.equal(scores, exact), "autocast was ignored"
    for ours, theirs in zip(gradients(scores, features, weight, bias), gradients(exact, features, weight, bias), strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_autocast_leaves_float64_alone() -> None:
    features, weight, bias, targets = inputs()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(token_log_prob(features, weight, bias, targets), oracle(features, weight, bias, targets))


def test_bf16_features_meet_float32_weights_outside_autocast() -> None:
    features, weight, bias, targets = inputs(torch.float32)
    scores = token_log_prob(features.bfloat16(), weight, bias, targets)
    torch.testing.assert_close(scores, oracle(features.bfloat16().float(), weight, bias, targets))
