"""Update plans on the real engine: what moves, what does not, and how exactly a run of each resumes."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.model import SequenceModel
from seqvae.objectives.elbo import Elbo
from seqvae.recipe import Recipe
from seqvae.steps import StepSpec
from seqvae.training.engine import AccelerateEngine
from seqvae.training.run import read_metrics, resume, train
from seqvae.training.trainer import TrainResult

Tiny = Callable[..., Recipe]
RUNS = {
    "aggressive": ["plan={kind: aggressive_encoder, window: 1, most: 3}"],
    "adversarial": ["plan={kind: adversarial, turns: 2}", "objective={preset: daae}", "objective.divergence.hidden=8"],
    "phases": ["plan.kind=phases", "plan.phases=[{steps: 4}, {reset: [decoder]}]", "objective.beta.delay=4"],
    "minimum_rate": ["objective.rate={kind: minimum_rate, nats: 3, learning_rate: 0.1}", "training.accumulate=2"],
    "geco": ["objective.rate={kind: geco, distortion: 8}"],
    "iwae": ["objective={preset: iwae, samples: 2, gradient: doubly_reparameterised}"],
    "mmd": ["objective=mmd"],
}


@pytest.fixture
def engine(
    make_model: Callable[..., SequenceModel], tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> AccelerateEngine:
    """A float32 model under two optimisers, as the plans that move the sides apart want them."""
    model, objective = make_model(dtype=torch.float32, likelihood={"tied": True}, decoder={"embedding": 8}), Elbo()
    plan = registry.build("plan", {"kind": "aggressive_encoder"})
    optimizers = {name: registry.build("optimizer", {"kind": "adamw"})(p) for name, p in plan.parameters(model, objective).items()}

    def fresh() -> nn.Module:
        other = make_model(dtype=torch.float32, likelihood={"tied": True}, decoder={"embedding": 8})
        for parameter in other.parameters():
            torch.nn.init.uniform_(parameter)
        return other

    engine = AccelerateEngine(model, objective, optimizers, Accelerator(cpu=True), "fp32", 5.0, None, fresh)
    engine.source = lambda: make_batch(tokens)
    return engine


def weights(model: nn.Module, *parts: str) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if name.split(".")[0] in parts}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_the_decoder_is_bit_identical_after_the_inner_loop_and_the_encoder_after_the_outer_step(
    engine: AccelerateEngine, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    plan = registry.build("plan", {"kind": "aggressive_encoder"})
    encoder, decoder = ("encoder", "posterior"), ("decoder", "likelihood")
    before = weights(engine.model, *encoder), weights(engine.model, *decoder)
    plan._train_encoder(engine, [make_batch(tokens)], 0)
    assert same(before[1], weights(engine.model, *decoder))
    assert not same(before[0], weights(engine.model, *encoder))
    after = weights(engine.model, *encoder)
    engine.accumulate([make_batch(tokens)], 0, only=("decoder",))
    engine.update("decoder")
    assert same(after, weights(engine.model, *encoder))
    assert not same(before[1], weights(engine.model, *decoder))


def test_gradients_for_one_side_alone_are_those_of_a_whole_pass(
    engine: AccelerateEngine, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    torch.manual_seed(0)
    engine.accumulate([make_batch(tokens)], 0)
    whole = {name: p.grad.clone() for name, p in engine.model.named_parameters()}
    for side in ("encoder", "decoder"):
        torch.manual_seed(0)
        engine.accumulate([make_batch(tokens)], 0, only=(side,))
        for name, parameter in engine.model.named_parameters():
            mine = (name.split(".")[0] in ("encoder", "posterior")) == (side == "encoder")
            assert (parameter.grad is not None) == mine, name
            if mine:
                torch.testing.assert_close(parameter.grad, whole[name], rtol=1e-5, atol=1e-7)


def test_renewed_parts_begin_anew_and_stay_tied(
    engine: AccelerateEngine, tokens: StepSpec, make_batch: Callable[..., SequenceBatch]
) -> None:
    engine.accumulate([make_batch(tokens)], 0)
    engine.update("encoder")
    engine.update("decoder")
    before = weights(engine.model, "encoder", "posterior"), weights(engine.model, "decoder", "likelihood")
    engine.renew(("decoder", "likelihood"))
    assert same(before[0], weights(engine.model, "encoder", "posterior"))
    after = weights(engine.model, "decoder", "likelihood")
    assert all(not torch.equal(before[1][name], after[name]) for name in after)
    assert engine.model.likelihood.weight is engine.model.decoder.embedding.table.weight  # type: ignore[union-attr]
    assert not engine.optimizers["decoder"].state
    assert engine.optimizers["encoder"].state


@pytest.mark.parametrize("name", RUNS)
def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(
    name: str,
    tiny: Tiny,
    train_until: Callable[[int, Recipe], TrainResult],
    last_checkpoint: Callable[[Path], dict[str, Tensor]],
) -> None:
    stop, length = (3, "training.steps=6") if name != "phases" else (5, "training.steps=8")
    settings = [*RUNS[name], length, "training.validate_every=2"]
    whole = train(tiny(*settings, out="whole")).run
    cut = train_until(stop, tiny(*settings, out="cut")).run
    torch.manual_seed(123)
    resume(cut)
    expected, found = last_checkpoint(whole), last_checkpoint(cut)
    assert expected.keys() == found.keys()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    lines = [
        [
            {k: v for k, v in line.items() if k not in ("seconds", "tokens_per_second")}
            for line in read_metrics(run)
            if line["step"] > stop
        ]
        for run in (whole, cut)
    ]
    assert [line for line in lines[0] if line["kind"] == "valid"] == [line for line in lines[1] if line["kind"] == "valid"]


def test_an_adversary_moves_beside_the_model(tiny: Tiny) -> None:
    run = train(tiny(*RUNS["adversarial"], "training.steps=4")).run
    folder = max((run / "checkpoints").glob("step-*"))
    assert {"optimizer-model.safetensors", "optimizer-adversary.safetensors"} <= {path.name for path in folder.iterdir()}
    line = next(line for line in read_metrics(run) if line["kind"] == "train")
    assert 0 < line["discriminator"] < 4 * math.log(2)
    assert line["divergence"] > 0


def test_a_multiplier_moves_once_a_step_by_what_the_run_reports(tiny: Tiny) -> None:
    """u <- u + 0.1 (3 - mean rate), over two micro-batches a step, as metrics.jsonl tells them."""
    run = train(tiny(*RUNS["minimum_rate"], "training.steps=4", "training.log_every=1")).run
    lines = [line for line in read_metrics(run) if line["kind"] == "train"]
    expected = 0.0
    for line in lines:
        assert line["multiplier"] == pytest.approx(expected, rel=1e-6)
        expected = max(0.0, expected + 0.1 * (3 - line["rate"]))


def test_the_second_phase_begins_with_another_decoder(tiny: Tiny) -> None:
    """Two runs that are the same but for the reset part at its step and not before."""
    runs = {}
    for reset in ("[decoder]", "[]"):
        plan = ["plan.kind=phases", f"plan.phases=[{{steps: 4}}, {{reset: {reset}}}]"]
        run = train(tiny(*plan, "training.steps=6", "training.validate_every=4", "training.keep=9", out=f"run{len(runs)}")).run
        runs[reset] = {line["step"]: line["distortion_nats"] for line in read_metrics(run) if line["kind"] == "valid"}
    assert runs["[decoder]"][4] == runs["[]"][4]
    assert runs["[decoder]"][6] != runs["[]"][6]
