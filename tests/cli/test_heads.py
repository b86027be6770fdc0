"""`seqvae fit-heads`, and what the other commands make of a model with heads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import mean

import pytest
import torch

from seqvae.cli.evaluate import find_split
from seqvae.vae import SeqVAE

HEADS = "model.heads={score: {kind: regression, hidden: 16, depth: 1}}"


@pytest.fixture(scope="module")
def table(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus with a column of numbers, every fifth missing, and one of classes."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    lines = [line for line in corpus.read_text("utf-8").splitlines() if line]
    rows = [f"{line},{'' if i % 5 == 0 else len(line.split())},{i % 2}\n" for i, line in enumerate(lines)]
    path.write_text("text,score,kind\n" + "".join(rows), "utf-8")
    return path


@pytest.fixture
def run_copy(run_folder: str, tmp_path: Path) -> Path:
    shutil.copytree(Path(run_folder) / "model", tmp_path / "model")
    return tmp_path / "model"


def test_a_computed_property_a_users_own_and_the_model_left_alone(seqvae, run_copy, tmp_path):
    (tmp_path / "mine.py").write_text("def vowels(sentence):\n    return sum(c in 'aeiou' for c in sentence)\n")
    before = SeqVAE.from_pretrained(run_copy)
    own = f"vowels={tmp_path / 'mine.py'}:vowels"
    result = seqvae("fit-heads", run_copy, "--property", "words", "--property", own, "--steps", 60, "ensemble=2", "--json")
    assert result.code == 0, result.err
    assert result.json["split"] == "test"
    assert set(result.json["properties"]) == {"words", "vowels"}
    after = SeqVAE.from_pretrained(run_copy)
    assert len(after.model.heads["words"](torch.zeros(1, 4))) == 2
    for name, tensor in before.model.state_dict().items():
        assert torch.equal(tensor, after.model.state_dict()[name]), name
    store = find_split(after, "test")
    sentences = after.codec.decode([store[row] for row in range(len(store))])
    predicted = after.predict(sentences)["words"].mean.tolist()
    error = mean(abs(p - len(sentence.split())) for p, sentence in zip(predicted, sentences, strict=True))
    assert result.json["properties"]["words"]["mae"] == pytest.approx(error, rel=1e-5)
    assert after.metrics["heads"]["properties"]["words"]["count"] > 0
    assert after.metrics["validation"] == before.metrics["validation"]


def test_heads_trained_jointly_are_saved_reported_and_judged(seqvae, refused, recipe, table, tmp_path):
    run = tmp_path / "run"
    data = [f"data={table}", "data.properties=[score]", "data.label=kind", f"out={run}", "training.steps=60"]
    made = seqvae("train", recipe, *data, HEADS, "model.heads.label=classification", "--json")
    assert made.code == 0, made.err
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    costs = [line["head_score"] for line in lines if line["kind"] == "train"]
    assert costs[-1] < costs[0]
    judged = seqvae("evaluate", run, "--samples", 2, "--json")
    assert set(judged.json["properties"]) == {"score", "label"}
    assert 0 < judged.json["properties"]["score"]["count"] < judged.json["count"]  # every fifth label is missing
    assert 0 <= judged.json["properties"]["label"]["accuracy"] <= 1
    assert "properties.score" in seqvae("evaluate", run, "--samples", 2).out
    assert "properties.score.mae" in (run / "model" / "README.md").read_text()
    assert "the number of a class is no quantity to predict" in refused("fit-heads", run, "--property", "label")
    told_apart = seqvae("fit-heads", run, "--property", "label", "kind=classification", "--steps", 5, "--json")
    assert "accuracy" in told_apart.json["properties"]["label"]


def test_a_column_that_training_did_not_read(seqvae, recipe, table, tmp_path):
    run = tmp_path / "run"
    assert seqvae("train", recipe, f"data={table}", f"out={run}", "training.steps=2").code == 0
    fitted = seqvae("fit-heads", run, "--property", "score", "--steps", 5, "--out", tmp_path / "headed", "--json")
    assert fitted.code == 0, fitted.err
    assert SeqVAE.from_pretrained(tmp_path / "headed").recipe.data.properties == ("score",)
    assert len(SeqVAE.from_pretrained(run).model.heads) == 0


def test_mistakes(refused, run_copy, tmp_path):
    (tmp_path / "bad.py").write_text("def f(record):\n    raise RuntimeError('no')\n")
    assert "no property 'wordz'" in refused("fit-heads", run_copy, "--property", "wordz")
    assert "did you mean 'words'" in refused("fit-heads", run_copy, "--property", "wordz")
    said = refused("fit-heads", run_copy, "--property", "words", "kind=regresion")
    assert "model.heads.words.kind: unknown head 'regresion'; did you mean 'regression'?" in said
    assert "model.heads.words.widht: unknown key" in refused("fit-heads", run_copy, "--property", "words", "widht=3")
    assert "every value is missing" in refused("fit-heads", run_copy, "--property", f"x={tmp_path / 'bad.py'}:f")
    assert "cannot load" in refused("fit-heads", run_copy, "--property", "x=nowhere.py:f")
    assert len(SeqVAE.from_pretrained(run_copy).model.heads) == 0


def test_a_recipe_whose_data_lacks_a_heads_property(refused, recipe, tmp_path):
    said = refused("train", recipe, f"out={tmp_path / 'run'}", HEADS)
    assert "model.heads.score: the data has no property 'score'" in said
    assert not (tmp_path / "run").exists()
