from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqvae import recipe as recipes
from seqvae.errors import ConfigError


def test_train_tells_what_it_did(trained):
    assert trained.json.keys() == {"run", "steps", "tokens_per_second"}
    assert trained.json["steps"] == 120
    assert trained.json["tokens_per_second"] > 0


def test_a_run_has_its_files_and_learnt(run_folder):
    run = Path(run_folder)
    assert {"recipe.yaml", "metrics.jsonl", "model", "checkpoints"} <= {path.name for path in run.iterdir()}
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert sum(line["kind"] == "valid" for line in lines) == 3
    distortions = [line["distortion"] for line in lines if line["kind"] == "train"]
    assert distortions[-1] < 0.7 * distortions[0]


def test_help_names_the_recipes_that_ship(seqvae):
    shown = "".join(seqvae("train", "--help").out.split())  # the help breaks lines at hyphens too
    assert f"onethatships:{','.join(recipes.shipped())}." in shown


def test_overrides_reach_the_recipe(seqvae, recipe, tmp_path):
    out = tmp_path / "run"
    result = seqvae("train", recipe, f"out={out}", "training.steps=2", "model.posterior.latent=3", "seed=7")
    assert result.code == 0, result.err
    assert str(out) in result.out
    kept = recipes.load(out / "recipe.yaml")
    assert (kept.training.steps, kept.model.posterior["latent"], kept.seed) == (2, 3, 7)
    assert kept.model.encoder == recipes.load(recipe).model.encoder


def test_resume_goes_on_to_the_same_end(seqvae, recipe, tmp_path):
    settings = ["training.steps=4", "training.checkpoint_every=2"]
    whole = seqvae("train", recipe, f"out={tmp_path / 'whole'}", *settings, "--json").json
    resumed = seqvae("resume", whole["run"], "--json").json
    assert resumed["run"] == whole["run"]
    assert resumed["steps"] == 4


def test_only_the_first_process_reports(seqvae, recipe, tmp_path, run_folder, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    result = seqvae("resume", run_folder, "--json")  # it is finished: nothing is trained
    assert (result.code, result.out) == (0, "")


def test_a_stopped_training_says_how_to_go_on(seqvae, recipe, tmp_path, monkeypatch):
    from seqvae.training import run
    from seqvae.training.trainer import TrainResult

    monkeypatch.setattr(run, "train", lambda recipe, name: TrainResult(tmp_path / "run", 7, 123.0, "SIGTERM"))
    result = seqvae("train", recipe, "--json")
    assert result.json == {"run": str(tmp_path / "run"), "steps": 7, "tokens_per_second": 123.0}
    assert "stopped by SIGTERM at step 7" in result.err
    assert f"seqvae resume {tmp_path / 'run'}" in result.err


def test_a_used_folder_is_refused_and_left_alone(refused, recipe, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    line = refused("train", recipe, f"out={tmp_path}")
    assert str(tmp_path) in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_run_folder_is_refused_and_its_resume_named(refused, recipe, run_folder):
    assert f"seqvae resume {run_folder}" in refused("train", recipe, f"out={run_folder}")


def test_every_problem_at_once(refused, recipe, tmp_path):
    out = tmp_path / "run"
    overrides = ["model.encoder.hiden=3", "training.steps=many", "model.posterior=diagnoal", "colour=blue"]
    line = refused("train", recipe, f"out={out}", *overrides)
    for said in ("model.encoder.hiden", "'hidden'", "training.steps", "'many'", "'diagonal'", "colour"):
        assert said in line
    assert not out.exists()
    with pytest.raises(ConfigError) as caught:
        recipes.load(recipe, overrides)
    assert len(caught.value.problems) == 4
    assert line == "error: " + "; ".join(caught.value.problems)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["text-lstn"], "did you mean 'text-lstm'?"),
        (["absent.yaml"], "absent.yaml"),
        (["text-lstm", "data=docstirngs"], "did you mean 'docstrings'?"),
        (["text-lstm", "data=absent.txt"], "absent.txt"),
        (["text-lstm", "training.steps"], "training.steps"),
        (["text-lstm", "training.steps=[1"], "training.steps"),
    ],
)
def test_mistakes_of_name(refused, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused("train", *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (b"", "empty"),
        (b"\x80\x81\n" * 30, "not UTF-8"),
        (b"\n" * 30, "blank"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"long " * 900, "max_length"),
    ],
)
def test_data_that_cannot_be_trained_on_leaves_nothing_behind(refused, recipe, tmp_path, held, said):
    data, out = tmp_path / "data.txt", tmp_path / "run"
    data.write_bytes(held)
    line = refused("train", recipe, f"data.source={data}", f"out={out}")
    assert said in line
    assert "data.txt" in line
    assert [path.name for path in tmp_path.iterdir()] == ["data.txt"]


def test_bad_lines_are_counted_shown_and_kept(seqvae, refused, recipe, tmp_path):
    data, out = tmp_path / "data.txt", tmp_path / "run"
    lines = [b"alpha beta %d" % (i % 7) for i in range(98)]
    data.write_bytes(b"\n".join([*lines[:4], b"", b"caf\xe9", *lines[4:]]) + b"\n")
    settings = [f"data.source={data}", "training.steps=1"]
    result = seqvae("train", recipe, f"out={out}", *settings)
    assert result.code == 0
    assert "2 of 100 records are bad" in result.err
    kept = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert [(line["file"], line["line"]) for line in kept] == [(str(data), 5), (str(data), 6)]
    strict = refused("train", recipe, f"out={tmp_path / 'other'}", *settings, "data.on_error=raise")
    assert f"{data}:5: blank" in strict
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["absent", "empty"])
def test_resume_of_no_run(refused, tmp_path, name):
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / name) in refused("resume", tmp_path / name)


def test_resume_without_a_checkpoint(refused, tmp_path, run_folder):
    (tmp_path / "recipe.yaml").write_text((Path(run_folder) / "recipe.yaml").read_text())
    assert "checkpoint" in refused("resume", tmp_path)
