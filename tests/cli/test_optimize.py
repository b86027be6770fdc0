"""`seqvae optimize`, from the command line to what comes out."""

from __future__ import annotations

import json
import shutil
from math import nan
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqvae.cli.optimize import _give
from seqvae.explore.optima import Optimum
from seqvae.explore.optimizer import Optimised
from seqvae.modalities.molecule.modality import MoleculeModality

KEYS = {"record", "start", "value", "predicted", "start_value", "similarity", "valid"}
QUICK = ["--steps", 6, "--starts", 12]


@pytest.fixture(scope="module")
def headed(trained, in_cache, tmp_path_factory) -> Path:
    """The tiny run's model with two ensembles for heads. Shared: look, do not touch."""
    folder = tmp_path_factory.mktemp("headed") / "model"
    shutil.copytree(Path(trained.json["run"]) / "model", folder)
    in_cache("fit-heads", folder, "--property", "words", "--property", "characters", "--steps", 60, "ensemble=2")
    return folder


def test_the_contract(seqvae, headed):
    result = seqvae("optimize", headed, "--property", "words", *QUICK, "--json")
    assert result.code == 0, result.err
    assert set(result.json) == {"records", "oracle_calls"}
    assert len(result.json["records"]) == 12
    values = [line["value"] for line in result.json["records"]]
    assert values == sorted(values, reverse=True)
    for line in result.json["records"]:
        assert set(line) == KEYS
        assert line["value"] == len(line["record"].split())
        assert line["start_value"] == len(line["start"].split())
        assert 0 <= line["similarity"] <= 1
    assert result.json["oracle_calls"] > 0


def test_the_same_again(seqvae, headed):
    runs = [seqvae("optimize", headed, "--property", "words", *QUICK, "--origin", "prior", "--json").out for _ in range(2)]
    assert runs[0] == runs[1]


def test_near_given_records_with_a_budget_and_guards(seqvae, headed, tmp_path):
    (tmp_path / "leads.txt").write_text("alpha alpha beta\nrho rho sigma\n")
    given = ["--from", tmp_path / "leads.txt", "--similarity", 0.3, "--calls", 5]
    guards = ["--guard", "ball={radius: 2}", "--guard", "ensemble", "--guard", "likelihood", "--guard", "reencode={share: 2}"]
    result = seqvae("optimize", headed, "--property", "words=-1", *given, *guards, "--steps", 6, "--json")
    assert result.code == 0, result.err
    assert {line["start"] for line in result.json["records"]} == {"alpha alpha beta", "rho rho sigma"}
    assert all(line["similarity"] >= 0.3 for line in result.json["records"])
    assert result.json["oracle_calls"] <= 5


def test_several_properties_at_once(seqvae, headed):
    result = seqvae("optimize", headed, "--property", "words", "--property", "characters=-0.5", *QUICK, "--guard", "none", "--json")
    assert result.code == 0, result.err
    assert {type(line["value"]) for line in result.json["records"]} == {float}


def test_a_users_own_property_and_one_that_nobody_can_compute(seqvae, headed, run_folder, tmp_path):
    (tmp_path / "mine.py").write_text("def vowels(sentence):\n    return sum(c in 'aeiou' for c in sentence)\n")
    place = f"vowels={tmp_path / 'mine.py'}:vowels"
    folder = tmp_path / "model"
    fitted = seqvae("fit-heads", run_folder, "--property", place, "--steps", 20, "--out", folder)
    assert fitted.code == 0, fitted.err
    with_oracle = seqvae("optimize", folder, "--property", "vowels", "--oracle", place, *QUICK, "--json").json
    assert all(line["value"] == sum(c in "aeiou" for c in line["record"]) for line in with_oracle["records"])
    without = seqvae("optimize", folder, "--property", "vowels", *QUICK, "--json").json
    assert without["oracle_calls"] == 0
    assert {line["value"] for line in without["records"]} == {None}


def test_a_table_a_file_and_a_picture(seqvae, headed, tmp_path):
    out, picture = tmp_path / "found.jsonl", tmp_path / "paths.svg"
    result = seqvae("optimize", headed, "--property", "words", *QUICK, "--out", out, "--picture", picture)
    assert result.code == 0, result.err
    assert result.lines[0].split("\t") == ["value", "predicted", "start_value", "similarity", "record"]
    assert len(result.lines) == 1 + 12 + 1
    assert "oracle calls" in result.lines[-1]
    assert {frozenset(json.loads(line)) for line in out.read_text().splitlines()} == {frozenset(KEYS)}
    assert picture.read_text().count("<path") > 12


def test_a_picture_shows_each_start_beside_what_came_of_it(tmp_path):
    vae = SimpleNamespace(modality=MoleculeModality())
    optima = [Optimum("CCO", "CC", 1.5, 1.4, -0.25, 0.3, True), Optimum("CC=O", "CC=O", nan, 1.0, nan, 1.0, False)]
    _give(vae, Optimised(None, optima, 0, None, None, None), True, tmp_path / "found.svg")
    tiles = [("CC", "start: -0.25"), ("CCO", "found: 1.5"), ("CC=O", "start"), ("CC=O", "found")]
    assert (tmp_path / "found.svg").read_bytes() == vae.modality.picture(tiles, 4, ".svg")


def test_mistakes(refused, headed, run_folder, tmp_path):
    (tmp_path / "bad.py").write_text("def f(record):\n    raise RuntimeError('no')\n")
    (tmp_path / "leads.txt").write_text("alpha\n")
    assert "no head for 'words', nor any; fit one with: seqvae fit-heads" in refused("optimize", run_folder, "--property", "words")
    assert "no head for 'wordz'; did you mean 'words'?" in refused("optimize", headed, "--property", "wordz")
    assert "'much' is no weight" in refused("optimize", headed, "--property", "words=much")
    assert "unknown guard 'bal'; did you mean 'ball'?" in refused("optimize", headed, "--property", "words", "--guard", "bal")
    assert "radius" in refused("optimize", headed, "--property", "words", "--guard", "ball={radius: -1}")
    assert "give NAME, or NAME={key: value}" in refused("optimize", headed, "--property", "words", "--guard", "ball=3")
    assert "similarity=2.0" in refused("optimize", headed, "--property", "words", "--similarity", 2)
    assert "no such file" in refused("optimize", headed, "--property", "words", "--from", tmp_path / "none.txt")
    assert "a picture is .svg or .png" in refused(
        "optimize", headed, "--property", "words", *QUICK, "--picture", tmp_path / "a.gif"
    )
    assert "text has no pictures" in refused("optimize", headed, "--property", "words", *QUICK, "--out", tmp_path / "found.svg")
    assert not (tmp_path / "found.svg").exists()
    raises = ["--oracle", f"words={tmp_path / 'bad.py'}:f"]
    assert "words gave no number for any of" in refused("optimize", headed, "--property", "words", *QUICK, *raises)
    assert "--oracle x: no such --property" in refused("optimize", headed, "--property", "words", "--oracle", "x=math:sqrt")
