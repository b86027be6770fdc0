"""A run of two classes on the command line: asked for by name, by number, or not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture
def of_class(vocabulary):
    """`of_class(sentences, name)`: the share of their words that are of a class."""

    def share(sentences, name):
        words = [word for sentence in sentences for word in sentence.split()]
        return sum(word in vocabulary[name] for word in words) / max(len(words), 1)

    return share


def test_a_class_is_asked_for_by_name_or_by_number(seqvae, classes_run, of_class):
    for label, name in (("greek", "greek"), ("latin", "latin"), (1, "latin")):
        records = seqvae("sample", classes_run, "-n", 40, "--label", label, "--seed", 0, "--json").json["records"]
        assert of_class(records, name) > 0.9
    free = seqvae("sample", classes_run, "-n", 60, "--seed", 0, "--json").json["records"]
    assert 0.1 < of_class(free, "greek") < 0.9


def test_every_command_that_decodes_takes_it(seqvae, classes_run, of_class, tmp_path):
    np.save(tmp_path / "z.npy", np.zeros((5, 2), np.float32))
    a, b, c = "alpha beta gamma", "beta beta beta", "gamma alpha beta"
    for command in (
        ("reconstruct", classes_run, a, b),
        ("interpolate", classes_run, a, b),
        ("arithmetic", classes_run, a, b, c),
        ("decode", classes_run, tmp_path / "z.npy"),
    ):
        records = seqvae(*command, "--label", "latin", "--json").json["records"]
        assert of_class(records, "latin") > 0.9, command
    records = seqvae("complete", classes_run, "alpha", "--label", "greek", "--seed", 0, "--json").json["records"]
    assert all(record.startswith("alpha") for record in records)
    (tmp_path / "a.txt").write_text(f"{a}\n")
    assert seqvae("encode", classes_run, tmp_path / "a.txt", "--out", tmp_path / "a.npy", "--label", "greek").code == 0
    near = seqvae("nearest", classes_run, a, "--data", tmp_path / "a.txt", "-n", 1, "--label", "greek", "--json").json
    assert near["records"] == [a]
    assert near["distances"][0] < 1e-3


@pytest.fixture(scope="module")
def headed(classes_run, in_cache, tmp_path_factory):
    """The run's model with a head for `characters`, of which Latin words have more. Shared: look, do not touch."""
    folder = tmp_path_factory.mktemp("headed") / "model"
    in_cache("fit-heads", classes_run, "--property", "characters", "--steps", 20, "--out", folder)
    return folder


QUICK = ("--steps", 5, "--starts", 8, "--draws", 0, "--json")


@pytest.mark.parametrize("origin", ["best", "prior", "file"])
@pytest.mark.parametrize("label", ["greek", "latin"])
def test_an_optimisation_is_of_the_class_asked_for(seqvae, headed, of_class, vocabulary, tmp_path, origin, label):
    (tmp_path / "leads.txt").write_text("".join(f"{word} {word}\n" for word in vocabulary[label]))
    given = ("--from", tmp_path / "leads.txt") if origin == "file" else ("--origin", origin)
    result = seqvae("optimize", headed, "--property", "characters", *given, "--label", label, *QUICK)
    assert result.code == 0, result.err
    for which in ("start", "record"):
        assert of_class([line[which] for line in result.json["records"]], label) > 0.9


@pytest.mark.parametrize(("weight", "name"), [(1, "latin"), (-1, "greek")])
def test_unless_asked_a_climb_keeps_to_the_class_of_its_record(seqvae, headed, of_class, weight, name):
    found = seqvae("optimize", headed, "--property", f"characters={weight}", *QUICK).json["records"]
    assert of_class([line["start"] for line in found], name) == 1
    assert of_class([line["record"] for line in found], name) > 0.9


def test_evaluation_is_told_the_classes_and_says_so(seqvae, classes_run):
    found = seqvae("evaluate", classes_run, "--samples", 20, "--json").json
    assert found["classes"] == 2
    assert found["nll_nats"] < 3 * np.log(6) - 1  # three words out of three; of six they would cost log 6 each
    assert "its likelihoods are of the record given its class" in seqvae("evaluate", classes_run, "--samples", 2).out


@pytest.mark.parametrize(
    ("label", "message"),
    [("grek", "label='grek': no such class; did you mean 'greek'?"), ("2", "label=2: this model has 2 classes, 0 to 1")],
)
def test_an_unknown_class_is_named(refused, classes_run, label, message):
    assert message in refused("sample", classes_run, "--label", label)
    assert message in refused("nearest", classes_run, "alpha", "--label", label)


def test_a_model_without_classes_says_how_to_get_one_with_them(refused, run_folder):
    assert "train one with model.condition=classes" in refused("sample", run_folder, "--label", "greek")


def test_data_with_other_classes_are_not_evaluated(refused, train_with_classes, class_table, tmp_path):
    copy = tmp_path / "table.csv"
    copy.write_text(class_table.read_text())
    run = train_with_classes(copy, tmp_path / "run", "training.steps=2")
    copy.write_text(copy.read_text().replace(",greek", ",attic"))
    assert "the list of classes that" in refused("evaluate", run)


def test_preparing_shows_the_classes(seqvae, class_table):
    shown = seqvae("data", "prepare", class_table, "data.label=class", "tokenizer=word", "--json")
    assert json.loads(shown.out)["classes"] == ["greek", "latin"]
    assert "2: greek, latin" in seqvae("data", "prepare", class_table, "data.label=class", "tokenizer=word").out
