"""Whole runs: what they leave behind, how they resume, and what they refuse."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from seqvae import registry
from seqvae.errors import ConfigError, DataError, RunError, TrainingError
from seqvae.recipe import Recipe
from seqvae.training.run import read_metrics, resume, train
from seqvae.training.trainer import TrainResult
from seqvae.vae import SeqVAE

Tiny = Callable[..., Recipe]
TrainUntil = Callable[[int, Recipe], TrainResult]
LastCheckpoint = Callable[[Path], dict[str, torch.Tensor]]


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different


def test_a_run_leaves_what_the_design_says(tiny: Tiny) -> None:
    recipe = tiny("training.loggers=[tensorboard]")
    result = train(recipe)
    assert result.steps == 12
    assert result.tokens_per_second > 0
    names = {path.name for path in result.run.iterdir()}
    assert {"recipe.yaml", "metrics.jsonl", "model", "checkpoints", "tensorboard"} <= names
    lines = read_metrics(result.run)
    valid = [line for line in lines if line["kind"] == "valid"]
    assert [line["step"] for line in valid] == [5, 10, 12]
    for line in valid:
        assert line["elbo_nats"] == pytest.approx(-(line["rate_nats"] + line["distortion_nats"]))
    training = [line for line in lines if line["kind"] == "train"]
    assert {"loss", "distortion", "rate", "beta", "lr", "tokens_per_second", "seconds"} <= training[0].keys()
    assert not list(result.run.rglob("*.pt")) + list(result.run.rglob("*.pkl")) + list(result.run.rglob("*.bin"))


@pytest.mark.parametrize("beta", [1.0, 0.0, 1e6])
def test_the_saved_model_is_the_best_of_the_validations(tiny: Tiny, beta: float) -> None:
    recipe = tiny()
    recipe = replace(recipe, training=replace(recipe.training, best_beta=beta))  # the last: of the least rate
    run = train(recipe).run
    valid = [line for line in read_metrics(run) if line["kind"] == "valid"]
    best = min(valid, key=lambda line: line["distortion_nats"] + beta * line["rate_nats"])
    saved = SeqVAE.from_pretrained(run)
    assert saved.metrics["made"]["step"] == best["step"]
    assert saved.metrics["validation"]["elbo_nats"] == best["elbo_nats"]
    checkpoint = run / "checkpoints" / f"step-{best['step']:06d}" / "model.safetensors"
    held = saved.model.state_dict()
    assert all(torch.equal(tensor, held[name]) for name, tensor in load_file(checkpoint).items())


def test_collapse_is_called_so_while_it_trains(tiny: Tiny, capfd: pytest.CaptureFixture[str]) -> None:
    """On the screen once, and at each validation in metrics.jsonl; not before the schedule has run its course."""
    run = train(tiny("objective.beta={kind: linear, steps: 8, stop: 1000}")).run
    valid = [line for line in read_metrics(run) if line["kind"] == "valid"]
    assert valid[-1]["collapsed"] is True
    assert valid[-1]["verdict"].startswith("Collapsed: the posterior is the prior")
    assert {"mi_nats", "mi_bound_nats"} <= valid[-1].keys()
    assert capfd.readouterr().err.count("Collapsed: ") == 1


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny: Tiny, last_checkpoint: LastCheckpoint) -> None:
    a, b, c = (last_checkpoint(train(tiny(f"seed={seed}", out=out)).run) for seed, out in ((1, "a"), (1, "b"), (2, "c")))
    assert_same(a, b)
    assert any(not torch.equal(a[name], c[name]) for name in a)


@pytest.mark.parametrize(("stop", "precision"), [(3, "fp32"), (5, "fp32"), (8, "bf16")])
def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(
    tiny: Tiny, stop: int, precision: str, train_until: TrainUntil, last_checkpoint: LastCheckpoint
) -> None:
    extra = (
        "training.accumulate=2",
        "training.decay={patience: 1, after_epoch: 0, max_decays: 9}",
        f"training.precision={precision}",
    )
    whole = last_checkpoint(train(tiny(*extra, out="whole")).run)
    cut = train_until(stop, tiny(*extra, out="cut"))
    assert cut.interrupted == "SIGTERM"
    assert cut.steps == stop
    torch.manual_seed(123)  # whatever happened in between must not matter
    assert resume(cut.run).steps == 12
    assert_same(whole, last_checkpoint(cut.run))
    lines = [(line["step"], line["elbo_nats"]) for line in read_metrics(cut.run) if line["kind"] == "valid"]
    assert lines == [
        (line["step"], line["elbo_nats"]) for line in read_metrics(cut.run.parent / "whole") if line["kind"] == "valid"
    ]


def test_a_model_of_classes_resumes_bit_for_bit_and_is_saved_with_their_names(
    tiny: Tiny, tmp_path: Path, train_until: TrainUntil, last_checkpoint: LastCheckpoint
) -> None:
    """Which labels are hidden is chance too, and some are missing anyway."""
    names = ["pig", "", "owl", "cat"]
    table = tmp_path / "classes.csv"
    table.write_text("text,y\n" + "".join(f"w{i % 7} w{i % 5} w{i % 3},{names[i % 4]}\n" for i in range(200)))
    extra = (f"data={table}", "data.label=y", "model.condition={kind: classes, width: 3, hide: 0.5, encoder: true}")
    whole = train(tiny(*extra, out="whole")).run
    cut = train_until(3, tiny(*extra, out="cut")).run
    torch.manual_seed(123)
    resume(cut)
    assert_same(last_checkpoint(whole), last_checkpoint(cut))
    one, other = SeqVAE.from_pretrained(whole), SeqVAE.from_pretrained(cut)
    assert one.classes == other.classes == ("cat", "owl", "pig")
    for label in (None, "owl", 2):
        assert one.sample(8, temperature=3.0, labels=label, seed=0) == other.sample(8, temperature=3.0, labels=label, seed=0)
    owl, cat = (one.log_prob(["w1 w2"], seed=0, labels=label) for label in ("owl", "cat"))
    assert owl != cat
    other.save_pretrained(tmp_path / "again")
    again = SeqVAE.from_pretrained(tmp_path / "again")
    assert again.sample(8, labels=["pig", "cat"] * 4, seed=0) == one.sample(8, labels=["pig", "cat"] * 4, seed=0)


def test_classes_need_labels(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.condition=classes: the data has no class labels; name the column"):
        train(tiny("model.condition=classes"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_sigterm_checkpoints_and_leaves_and_the_run_can_go_on(tiny: Tiny, tmp_path: Path) -> None:
    recipe = tiny("training.steps=100000", out="killed")
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    path = str(tmp_path / "recipe.yaml")
    code = f"from seqvae import recipe; from seqvae.training.run import train; print(train(recipe.load({path!r})))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    metrics = tmp_path / "killed" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and len(metrics.read_text().splitlines()) > 3):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "interrupted='SIGTERM'" in out
    folder = max((tmp_path / "killed" / "checkpoints").glob("step-*"))
    state = json.loads((folder / "state.json").read_text())
    assert state["progress"]["finished"] is False
    assert f"steps={state['progress']['step']}" in out


@pytest.mark.slow
def test_a_signal_to_one_process_of_two_stops_both_at_the_same_step(
    tiny: Tiny, tmp_path: Path, launch: Callable[..., None]
) -> None:
    (tmp_path / "recipe.yaml").write_text(tiny("training.steps=100000", "training.log_every=100").to_yaml())
    launch("one_stop.py", tmp_path / "recipe.yaml", tmp_path / "ended", processes=2)
    ended = {path.name: path.read_text() for path in (tmp_path / "ended").iterdir()}
    assert ended == {"0": "3 steps, SIGTERM", "1": "3 steps, SIGTERM"}
    (folder,) = (tmp_path / "run" / "checkpoints").iterdir()
    assert json.loads((folder / "state.json").read_text())["progress"]["finished"] is False
    assert (tmp_path / "run" / "model").is_dir()


def test_resuming_a_finished_run_changes_nothing(tiny: Tiny, last_checkpoint: LastCheckpoint) -> None:
    run = train(tiny()).run
    before = last_checkpoint(run)
    assert resume(run).steps == 12
    assert_same(before, last_checkpoint(run))


def test_a_used_folder_is_refused_and_left_alone(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("precious")
    with pytest.raises(RunError, match=r"run is in use; give another out="):
        train(tiny())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.tex"]


def test_nothing_is_written_when_something_is_wrong(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not installed"):
        train(tiny("training.loggers=[wandb]"))
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="unknown logger 'tensorbord'; did you mean 'tensorboard'"):
        train(tiny("training.loggers=[tensorbord]"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["objective=iwae", "model.posterior=deterministic"], "a deterministic posterior has no density"),
        (["objective.rate=free_bits", "model.posterior=full_covariance"], "give variant=total_batch and nats=1 for all 4 together"),
        (["objective.rate=balanced"], "shares the charge among groups of latents, and this model has one"),
    ],
)
def test_an_objective_that_the_model_cannot_have_is_refused_before_anything_is_written(
    tiny: Tiny, tmp_path: Path, overrides: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(tiny(*overrides))
    assert not (tmp_path / "run").exists()


def test_runs_without_a_name_of_their_own_are_numbered(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = tiny("out=null", "training.steps=1")
    assert [train(recipe, "text").run for _ in range(2)] == [Path("runs/text"), Path("runs/text-2")]


def test_damaged_runs_are_named(tiny: Tiny, tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(RunError, match=r"nowhere is no run: it has no recipe\.yaml"):
        resume(tmp_path / "nowhere")
    run = train(tiny("training.steps=2")).run
    weights = max((run / "checkpoints").glob("step-*")) / "model.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(RunError, match=r"model\.safetensors was altered"):
        resume(run)
    weights.unlink()
    with pytest.raises(RunError, match=r"model\.safetensors is missing"):
        resume(run)
    weights.write_bytes(good)
    corpus.write_text(corpus.read_text() + "w1 w2 w3\n")
    with pytest.raises(RunError, match="changed since the run began"):
        resume(run)


def test_a_gradient_that_stays_non_finite_ends_training_before_it_touches_a_weight(
    tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    elbo = registry.lookup("objective", "elbo").cls
    forward = elbo.forward

    def poisoned(self: object, *args: object) -> object:
        loss = forward(self, *args)
        return type(loss)(loss.per_sequence * float("nan"), loss.terms, loss.scalars)

    monkeypatch.setattr(elbo, "forward", poisoned)
    with pytest.raises(TrainingError, match="not finite 21 steps in a row"):
        train(tiny("training.steps=100", "training.validate_every=1000"))
