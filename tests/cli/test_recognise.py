"""`seqvae fit-classifier` and `seqvae recognise`, on sentences whose words give their class away."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqvae.cli import recognise
from seqvae.recognition.classifier import Classifier

QUICK = ("epochs=12", "batch_tokens=64", "encoder.hidden=8", "encoder.embedding=8", "dropout=0", "lr=0.03")


@pytest.fixture(scope="module")
def fitted(in_cache, classes_run, tmp_path_factory):
    """What `seqvae fit-classifier --json` said. Shared: look, do not touch."""
    out = tmp_path_factory.mktemp("judge") / "judge"
    return in_cache("fit-classifier", classes_run, "--out", out, *QUICK, "--json").json


def test_it_learns_the_runs_own_records_and_is_measured_on_others(fitted):
    assert (fitted["classes"], fitted["split"], fitted["accuracy"]) == (2, "test", 1.0)
    assert 0.5 <= fitted["commonest"] < 1
    assert 0 < fitted["count"] < 108
    judge = Classifier.load(Path(fitted["out"]))
    assert judge.classes == ("greek", "latin")
    assert judge.facts["accuracy"] == 1.0
    assert judge.predict(["primus tertius", "gamma", ""]).tolist() == [1, 0, -1]


def test_a_model_that_is_told_classes_is_asked_for_each(seqvae, classes_run, fitted):
    ask = ("recognise", classes_run, "--classifier", fitted["out"], "-n", 40)
    found = seqvae(*ask, "--json").json
    assert found["count"] == fitted["count"]
    assert found["recognised_real"] == 1.0
    assert found["recognised_sampled"] > 0.9
    assert found["sampled_classes"]["greek"] + found["sampled_classes"]["latin"] == pytest.approx(1)
    assert seqvae(*ask, "--json").json == found
    told = seqvae(*ask)
    assert ["recognised_sampled", f"{found['recognised_sampled']:.4f}"] in [line.split()[:2] for line in told.lines]
    assert "greek    0." in told.out
    assert "warning" not in told.err


def test_of_other_data_without_labels_only_what_needs_none(seqvae, run_folder, fitted):
    told = seqvae("recognise", run_folder, "--classifier", fitted["out"], "-n", 5, "--limit", 9, "--json")
    assert "the classifier learnt from other data" in told.err
    assert "the records have no labels" in told.err
    assert told.json["count"] == 9
    assert not [name for name in told.json if name.startswith("recognised")]
    assert 0.5 <= told.json["confidence_real"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["epoch=3"], "epoch: unknown key; did you mean 'epochs'?"),
        (["encoder.hidden=0"], "encoder.hidden: input should be greater than 0, got 0"),
        (["encoder=rmn"], "unknown encoder 'rmn'; did you mean 'rnn'?"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_a_classifier_that_cannot_be_leaves_nothing_behind(refused, classes_run, tmp_path, arguments, message):
    assert message in refused("fit-classifier", classes_run, "--out", tmp_path / "judge", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_records_without_labels_teach_nothing(refused, run_folder, tmp_path):
    message = refused("fit-classifier", run_folder, "--out", tmp_path / "judge")
    assert "corpus.txt has no class labels to learn; train a run with data.label=COLUMN" in message
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_written_over(refused, classes_run):
    before = sorted(Path(classes_run).rglob("*"))
    for place in (classes_run, Path(classes_run) / "recipe.yaml"):
        message = refused("fit-classifier", classes_run, "--out", place)
        assert f"{place} is there already and is no classifier; name a new folder" in message
    assert sorted(Path(classes_run).rglob("*")) == before


def test_a_folder_that_is_no_classifier(refused, classes_run, tmp_path):
    for folder in (tmp_path / "absent", Path(classes_run) / "model"):
        message = refused("recognise", classes_run, "--classifier", folder)
        assert f"no classifier at {folder}; make one with seqvae fit-classifier" in message


def test_other_classes_and_other_records_are_refused(refused, train_with_classes, classes_run, class_table, fitted, tmp_path):
    (tmp_path / "table.csv").write_text(class_table.read_text().replace(",greek", ",attic"))
    run = train_with_classes(tmp_path / "table.csv", tmp_path / "run", "training.steps=2")
    message = refused("recognise", run, "--classifier", fitted["out"])
    assert "knows other classes (greek, latin) than this run's data has (attic, latin); fit one to this run" in message
    judge = Classifier.load(Path(fitted["out"]))
    judge.modality = "sketch"
    judge.save(tmp_path / "judge")
    message = refused("recognise", classes_run, "--classifier", tmp_path / "judge")
    assert "reads records of sketch, and this run writes text" in message


def test_what_is_no_number_of_samples(refused, classes_run, fitted):
    assert "-n" in refused("recognise", classes_run, "--classifier", fitted["out"], "-n", 0)


def test_many_classes_and_samples_of_none_as_text():
    shares = {"": 0.5, **{f"class {number}": 0.02 for number in range(25)}}
    lines = recognise._as_text({"same_class": 0.5, "sampled_classes": shares}).splitlines()
    assert lines[3].split() == ["(none)", "0.500", "#" * 24]
    assert lines[-1] == "and 6 further classes"


def test_a_classifier_that_could_not_be_measured_says_so():
    line = recognise._as_sentence(Path("judge"), {"classes": 2, "split": "test", "count": 0})
    assert line == "judge: tells 2 classes apart; how well is not known: no test record has a label"
