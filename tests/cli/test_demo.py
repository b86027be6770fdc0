from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqvae import recipe as recipes
from seqvae.cli import demo
from seqvae.cli.report import study
from seqvae.data.cards import load_card


@pytest.fixture
def tiny_demo(recipe, monkeypatch):
    """The demo with the tiny recipe, and few importance samples."""
    monkeypatch.setattr(demo, "DEMOS", (demo.Demo("text", str(recipe), "sentences", "a file"),))
    monkeypatch.setattr(study, "IMPORTANCE_SAMPLES", 2)


@pytest.fixture
def trainings(monkeypatch):
    """The folders that were trained in."""
    from seqvae.training import run

    done: list[str] = []
    train = run.train
    monkeypatch.setattr(run, "train", lambda recipe, name: done.append(recipe.out) or train(recipe, name))
    return done


def test_its_recipes_ship_and_download_nothing():
    for item in demo.DEMOS:
        recipe = recipes.load(item.recipe)
        assert recipe.modality["kind"] == item.name
        assert load_card(recipe.data.source).embedded


def test_a_demo_leaves_a_report_and_an_ordinary_run(seqvae, tiny_demo, tmp_path):
    out = tmp_path / "demo"
    result = seqvae("demo", "--out", out)
    assert result.code == 0, result.err
    assert result.lines[-1] == f"report: {out / 'report.html'}"
    assert {"report.html", "text.png", "text", "demo.json"} == {path.name for path in out.iterdir()}
    assert "collapsed" in (out / "report.html").read_text("utf-8").lower()
    assert len(seqvae("sample", out / "text", "-n", 2).lines) == 2


def test_a_second_demo_trains_nothing_and_a_changed_recipe_trains_again(
    seqvae, tiny_demo, trainings, recipe, tmp_path, monkeypatch
):
    out = tmp_path / "demo"
    short = tmp_path / "short.yaml"
    short.write_text(recipe.read_text().replace("steps: 120", "steps: 3"))
    monkeypatch.setattr(demo, "DEMOS", (demo.Demo("text", str(short), "sentences", "a file"),))
    for changed, times in (("", 1), ("", 1), ("\nseed: 1\n", 2)):
        short.write_text(short.read_text() + changed)
        assert seqvae("demo", "--out", out).code == 0
        assert trainings == [str(out / "text")] * times
        (out / "report.html").unlink()  # it comes back each time


def test_changed_data_is_trained_on_again(seqvae, tiny_demo, trainings, recipe, corpus, tmp_path, monkeypatch):
    out, data, changed = tmp_path / "demo", tmp_path / "data.txt", tmp_path / "changed.yaml"
    changed.write_text(recipe.read_text().replace("steps: 120", "steps: 3").replace(str(corpus), str(data)))
    monkeypatch.setattr(demo, "DEMOS", (demo.Demo("text", str(changed), "sentences", "a file"),))
    for more, times in (("", 1), ("", 1), ("quite new words\n" * 30, 2)):
        data.write_text(corpus.read_text() + more)
        assert seqvae("demo", "--out", out).code == 0
        assert trainings == [str(out / "text")] * times


def test_an_interrupted_demo_begins_that_model_again(seqvae, tiny_demo, trainings, tmp_path, monkeypatch):
    from seqvae.training import run

    out = tmp_path / "demo"

    def interrupted(recipe: recipes.Recipe, name: str) -> None:
        (Path(recipe.out) / "model").mkdir(parents=True)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "train", interrupted)
        assert seqvae("demo", "--out", out).code == 130
    assert not (out / "report.html").exists()
    assert seqvae("demo", "--out", out).code == 0
    assert trainings == [str(out / "text")]
    assert (out / "report.html").exists()


def test_somebody_elses_folder_is_left_alone(refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    assert "--out" in refused("demo", "--out", tmp_path)
    assert str(tmp_path / "thesis.tex") in refused("demo", "--out", tmp_path / "thesis.tex")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    assert (tmp_path / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize("held", ["", "[]", "{}", json.dumps({"finished": 3})])
def test_a_damaged_mark(refused, tmp_path, held):
    (tmp_path / "demo.json").write_text(held)
    assert "demo.json is damaged" in refused("demo", "--out", tmp_path)
