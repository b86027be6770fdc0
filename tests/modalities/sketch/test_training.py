"""Drawings through the whole of a run: stored, augmented, trained on, resumed, completed, drawn, judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from seqvae import recipe as recipes
from seqvae.cli.app import run as command
from seqvae.evaluation.card import evaluate
from seqvae.modalities.sketch.modality import SketchModality
from seqvae.recipe import Recipe
from seqvae.training.run import read_metrics, resume, train, trainer_of
from seqvae.vae import SeqVAE

TINY = {
    "modality": "sketch",
    "tokenizer": "stroke",
    "model": {
        "encoder": {"kind": "rnn", "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": "standard_normal",
        "decoder": {"kind": "rnn", "hidden": 8, "dropout": 0.0},
        "likelihood": {"kind": "stroke_mixture", "components": 3},
    },
    "training": {
        "steps": 8,
        "batch_tokens": 128,
        "precision": "fp32",
        "threads": 1,
        "validate_every": 4,
        "augmentation": "strokes",
    },
}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawing) -> Callable[..., Recipe]:
    """A checked recipe on 60 random drawings, one of them adversarial of each kind."""
    monkeypatch.setenv("SEQVAE_CACHE", str(tmp_path / "cache"))
    records = [drawing(3 + seed % 20, seed) for seed in range(60)]
    records += [np.zeros((5, 3)), np.array([[0, 0, 1]]), np.array([[1e6, -1e6, 1]]), np.tile([[1, 1, 0]], (300, 1))]
    path = tmp_path / "drawings.jsonl"
    path.write_text("\n".join(json.dumps(SketchModality().to_json(record)) for record in records))

    def make(*overrides: str, out: str = "run") -> Recipe:
        config = {**TINY, "data": {"source": str(path), "valid": 0.1, "test": 0.2}, "out": str(tmp_path / out)}
        return recipes.check(recipes.override(config, overrides))

    return make


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((run / "checkpoints").glob("step-*"))[-1] / "model.safetensors")


def test_a_resumed_run_draws_the_same_augmentation(tiny, train_until) -> None:
    whole = train(tiny(out="whole")).run
    cut = train_until(3, tiny(out="cut")).run
    torch.manual_seed(99)
    resume(cut)
    assert all(torch.equal(value, weights(whole)[name]) for name, value in weights(cut).items())
    plain = train(tiny("training.augmentation=null", out="plain")).run
    assert not all(torch.equal(value, weights(whole)[name]) for name, value in weights(plain).items())


def test_what_a_plan_draws_besides_is_augmented_too(tiny, tmp_path: Path) -> None:
    """The same micro-batch, plain and merged to another number of points or scaled; as the steps' own would be."""
    drawn = []
    for augmentation in ("null", "strokes"):
        trainer = trainer_of(tiny(f"training.augmentation={augmentation}"), tmp_path / "unused")
        torch.manual_seed(1)
        drawn += trainer.engine.draw(1)
        torch.manual_seed(1)
        rows = trainer.order[int(torch.randint(len(trainer.order), ()))]
        expected = trainer.augment(trainer.train_store.batch(rows))
        assert torch.equal(drawn[-1].inputs, expected.inputs)
    plain, augmented = drawn
    assert plain.inputs.shape != augmented.inputs.shape or not torch.equal(plain.inputs, augmented.inputs)


def test_what_is_too_far_off_is_rejected_and_the_rest_trains_finitely(tiny) -> None:
    run = train(tiny()).run
    (bad,) = [json.loads(line) for line in (run / "rejected.jsonl").read_text().splitlines()]
    assert bad["line"] == 63
    assert "times the scale factor" in bad["reason"]
    assert all(np.isfinite(line["loss"]) for line in read_metrics(run) if line["kind"] == "train")


def test_a_run_is_judged_and_its_numbers_agree(tiny) -> None:
    from seqvae.cli.evaluate import find_split

    vae = SeqVAE.from_pretrained(train(tiny()).run)
    store = find_split(vae, "test")
    metrics = evaluate(vae, store, split="test", samples=3)
    points, count = int(store.units.sum()), metrics["count"]
    ends = (metrics["l_r_magenta"] - metrics["l_r_masked"]) * vae.codec.longest * count
    assert metrics["nats_per_point"] * points + ends == pytest.approx(metrics["distortion_nats"] * count, rel=1e-4)
    assert ends > 0


def test_commands_draw_pictures(tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str], drawing) -> None:
    run = str(train(tiny()).run)
    given = json.dumps(SketchModality().to_json(drawing(6)))
    data = f"{tmp_path / 'drawings.jsonl'}#2"
    for number, arguments in enumerate(
        (
            ["sample", run, "-n", "3"],
            ["reconstruct", run, given, data],
            ["interpolate", run, given, data, "--steps", "4"],
            ["arithmetic", run, given, data, given],
            ["complete", run, given, "-n", "2"],
            ["nearest", run, given, "-n", "3"],
        )
    ):
        out = tmp_path / f"{number}.svg"
        assert command([*arguments, "--out", str(out)]) == 0, capsys.readouterr().err
        assert out.read_text().startswith("<svg")
    capsys.readouterr()
    assert command(["complete", run, given, "-n", "2", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)["records"]
    for record in records:
        np.testing.assert_allclose(record[:6], json.loads(given), rtol=1e-4)  # what was begun is kept, and gone on with
    assert command(["reconstruct", run, "[[0,0"]) == 2
    assert "malformed json" in capsys.readouterr().err
