"""What every recurrent cell must do. A new cell is one line in `CASES`."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqvae import registry
from seqvae.cells.recurrence import Told

CASES: list[dict[str, Any]] = [
    {"kind": "lstm"},
    {"kind": "lstm", "initialisation": "orthogonal"},
    {"kind": "gru"},
    {"kind": "layer_norm_lstm"},
    {"kind": "hyper_lstm", "small": 4, "bottleneck": 2},
]
DROPPING = [{**case, "recurrent_dropout": 0.3} for case in CASES if case["kind"] != "gru"]
INPUTS, TOLD, HIDDEN, ROWS, STEPS = 3, 2, 5, 4, 7


def build(config: dict[str, Any]) -> nn.Module:
    """In float64, its weights moved off their first values, among which are zeros."""
    cell = registry.build("cell", config, INPUTS + TOLD, HIDDEN).double().eval()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return cell


@pytest.fixture(params=CASES, ids=str)
def cell(request: pytest.FixtureRequest) -> nn.Module:
    return build(request.param)


@pytest.fixture
def inputs() -> Tensor:
    return torch.randn(ROWS, STEPS, INPUTS, dtype=torch.float64)


@pytest.fixture
def told() -> Tensor:
    return torch.randn(ROWS, TOLD, dtype=torch.float64)


def start(cell: nn.Module, rows: int = ROWS) -> tuple[Tensor, ...]:
    return cell.start(torch.linspace(-1, 1, rows * HIDDEN, dtype=torch.float64).view(rows, HIDDEN))


def test_every_registered_cell_is_tested() -> None:
    assert {case["kind"] for case in CASES} == set(registry.names("cell"))


def test_outputs_and_states_have_the_stated_widths(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    outputs, after = cell(inputs, start(cell), Told(told))
    assert outputs.shape == (ROWS, STEPS, HIDDEN)
    assert [part.shape for part in after] == [(ROWS, width) for width in cell.widths]
    assert [part.shape for part in start(cell)] == [part.shape for part in after]
    assert torch.equal(outputs[:, -1], after[0]), "the first part of the state is the output"


def test_no_memory_is_the_zero_state(cell: nn.Module) -> None:
    assert all(not part.any() for part in cell.start(torch.zeros(2, HIDDEN)))


def test_the_state_is_all_that_a_cell_remembers(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    whole, after = cell(inputs, start(cell), Told(told))
    first, between = cell(inputs[:, :3], start(cell), Told(told))
    second, end = cell(inputs[:, 3:], between, Told(told))
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, rtol=0, atol=1e-12)
    torch.testing.assert_close(end, after, rtol=0, atol=1e-12)


def test_one_step_at_a_time_is_all_at_once(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    """As generation does: rows leave on the way, and what was made of the latent is kept from step to step."""
    whole = cell(inputs, start(cell), Told(told))[0]
    state, kept, rows = start(cell), Told(told), torch.arange(ROWS)
    for t in range(STEPS):
        outputs, state = cell(inputs[rows, t : t + 1], state, kept)
        torch.testing.assert_close(outputs[:, 0], whole[rows, t], rtol=0, atol=1e-12)
        if t == 2:
            left = torch.tensor([3, 1])
            state, kept, rows = tuple(part[left] for part in state), kept.select(left), rows[left]


def test_what_is_told_stands_beside_every_input(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    beside = torch.cat([inputs, told.unsqueeze(1).expand(-1, STEPS, -1)], dim=-1)
    torch.testing.assert_close(cell(inputs, start(cell), Told(told))[0], cell(beside, start(cell))[0], rtol=0, atol=1e-12)


def test_rows_do_not_meet(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    together = cell(inputs, start(cell), Told(told))[0]
    for row in range(ROWS):
        state = tuple(part[row : row + 1] for part in start(cell))
        alone = cell(inputs[row : row + 1], state, Told(told[row : row + 1]))[0]
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-12)


def test_every_part_of_the_state_is_felt(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    leaves = tuple(torch.randn(ROWS, width, dtype=torch.float64, requires_grad=True) for width in cell.widths)
    cell(inputs, leaves, Told(told))[0].square().sum().backward()
    assert all((leaf.grad.abs() > 0).all() for leaf in leaves)


@pytest.mark.parametrize("config", [*CASES, *DROPPING], ids=str)
def test_gradients_are_finite_differences(config: dict[str, Any]) -> None:
    """Of everything that goes in, weights among it; while training, with the same masks at each call."""
    cell = build(config).train()
    names, weights = zip(*cell.named_parameters(), strict=True)
    inputs = torch.randn(2, 3, INPUTS, dtype=torch.float64, requires_grad=True)
    told = torch.randn(2, TOLD, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(2, width, dtype=torch.float64, requires_grad=True) for width in cell.widths)

    def run(inputs: Tensor, told: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        torch.manual_seed(1)
        parameters = dict(zip(names, rest[len(state) :], strict=True))
        outputs, after = torch.func.functional_call(cell, parameters, (inputs, rest[: len(state)], Told(told)))
        return outputs, *after

    assert torch.autograd.gradcheck(run, (inputs, told, *state, *weights), fast_mode=True)


@pytest.mark.parametrize("config", DROPPING, ids=str)
def test_recurrent_dropout_acts_while_training_only(config: dict[str, Any], inputs: Tensor, told: Tensor) -> None:
    cell = build(config)
    assert torch.equal(cell(inputs, start(cell), Told(told))[0], cell(inputs, start(cell), Told(told))[0])
    cell.train()
    assert not torch.equal(cell(inputs, start(cell), Told(told))[0], cell(inputs, start(cell), Told(told))[0])


def test_float32_agrees_with_float64(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    exact = cell(inputs, start(cell), Told(told))[0]
    state = tuple(part.float() for part in start(cell))
    rough = cell.float()(inputs.float(), state, Told(told.float()))[0]
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.double(), exact, rtol=1e-4, atol=1e-5)


def test_training_under_autocast_gives_float32_gradients_near_the_exact_ones(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    """bf16 keeps 8 bits; five units and seven steps leave the direction of the gradient alone."""
    cell.train()
    exact = torch.autograd.grad(cell(inputs, start(cell), Told(told))[0].square().sum(), list(cell.parameters()))
    cell.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = cell(inputs.float(), tuple(part.float() for part in start(cell)), Told(told.float()))[0]
    rough = torch.autograd.grad(outputs.float().square().sum(), list(cell.parameters()))
    for one, other in zip(rough, exact, strict=True):
        assert one.dtype == torch.float32
        assert torch.cosine_similarity(one.double().flatten(), other.flatten(), dim=0) > 0.98


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_in_evaluation_the_kernel_runs_as_in_training_where_gradients_are_asked_for(
    kind: str, inputs: Tensor, told: Tensor
) -> None:
    """cuDNN refuses a backward pass after a forward one in evaluation mode."""
    cell = build({"kind": kind})
    with torch.no_grad():
        plain, _ = cell(inputs, start(cell), Told(told))
    assert not cell.rnn.training  # type: ignore[union-attr]
    outputs, _ = cell(inputs, start(cell), Told(told))
    assert cell.rnn.training  # type: ignore[union-attr]
    assert not cell.training
    torch.testing.assert_close(outputs, plain)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="cuDNN's own refusal")
def test_gradients_in_evaluation_on_a_gpu(cell: nn.Module, inputs: Tensor, told: Tensor) -> None:
    found = []
    for device in ("cpu", "cuda"):
        z = told.to(device).clone().requires_grad_()
        state = tuple(part.to(device) for part in start(cell))
        outputs, _ = cell.to(device)(inputs.to(device), state, Told(z))
        found.append(torch.autograd.grad(outputs.sum(), z)[0].cpu())
    torch.testing.assert_close(*found)
