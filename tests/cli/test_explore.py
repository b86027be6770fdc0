from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

A, B, C = "alpha alpha beta", "omega psi psi psi", "tau tau"


def test_samples_are_as_many_as_asked_and_repeatable(seqvae, run_folder):
    first = seqvae("sample", run_folder, "-n", 5, "--seed", 1, "--json").json
    assert first.keys() == {"records"}
    assert len(first["records"]) == 5
    assert all(isinstance(record, str) for record in first["records"])
    assert seqvae("sample", run_folder, "-n", 5, "--seed", 1).lines == first["records"]
    assert seqvae("sample", run_folder, "-n", 5, "--seed", 2).lines != first["records"]
    assert len(seqvae("sample", run_folder).lines) == 16


def test_the_most_probable_step_needs_no_chance(seqvae, run_folder):
    """Top-1 sampling, a vanishing temperature and a vanishing nucleus are all greedy decoding of the same latents."""
    ways = [("--top-k", 1), ("--temperature", 1e-6), ("--top-p", 1e-6)]
    greedy, cold, nucleus = (seqvae("sample", run_folder, "-n", 20, "--seed", 3, *way).lines for way in ways)
    assert greedy == cold == nucleus
    assert greedy != seqvae("sample", run_folder, "-n", 20, "--seed", 3).lines


def test_out_gets_the_records_and_replaces_a_file(seqvae, run_folder, tmp_path):
    out = tmp_path / "samples.txt"
    out.write_text("old")
    printed = seqvae("sample", run_folder, "-n", 4, "--seed", 1).lines
    result = seqvae("sample", run_folder, "-n", 4, "--seed", 1, "--out", out)
    assert out.read_text("utf-8").splitlines() == printed
    assert str(out) in result.out
    assert [path.name for path in tmp_path.iterdir()] == ["samples.txt"]


@pytest.mark.parametrize("place", ["", "absent/samples.txt"])
def test_out_that_cannot_be_written(refused, run_folder, tmp_path, place):
    assert str(tmp_path / place) in refused("sample", run_folder, "--out", tmp_path / place)
    assert list(tmp_path.iterdir()) == []


def test_reconstruct_takes_arguments_or_lines(seqvae, run_folder):
    told = seqvae("reconstruct", run_folder, A, B, C, "--json").json
    assert told["inputs"] == [A, B, C]
    assert len(set(told["records"])) == 3, "a model that says the same to everything would pass most of these tests"
    assert seqvae("reconstruct", run_folder, "--json", stdin=f"{A}\n{B}\r\n{C}".encode()).json == told
    assert seqvae("reconstruct", run_folder, C, A, "--json").json["records"] == [told["records"][2], told["records"][0]]
    assert seqvae("reconstruct", run_folder, A, B).out == f"{A}\n{told['records'][0]}\n\n{B}\n{told['records'][1]}\n"


@pytest.mark.parametrize("method", ["slerp", "linear"])
def test_a_path_begins_and_ends_with_the_reconstructions(seqvae, run_folder, method):
    ends = seqvae("reconstruct", run_folder, A, B, "--json").json["records"]
    path = seqvae("interpolate", run_folder, A, B, "--steps", 5, "--method", method, "--json").json["records"]
    assert len(path) == 5
    assert [path[0], path[-1]] == ends
    assert seqvae("interpolate", run_folder, B, A, "--steps", 5, "--method", method).lines == path[::-1]


def test_the_default_path(seqvae, run_folder):
    assert (
        seqvae("interpolate", run_folder, A, B).lines
        == seqvae("interpolate", run_folder, A, B, "--steps", 8, "--method", "slerp").lines
    )


def test_arithmetic_that_cancels_is_reconstruction(seqvae, run_folder):
    for record in (A, B, C):
        back = seqvae("reconstruct", run_folder, record, "--json").json["records"]
        assert seqvae("arithmetic", run_folder, B, B, record, "--json").json["records"] == back


def test_completions_begin_with_the_prefix(seqvae, run_folder):
    told = seqvae("complete", run_folder, "alpha beta", "-n", 6, "--seed", 1, "--json").json["records"]
    assert len(told) == 6
    assert all(record.split()[:2] == ["alpha", "beta"] for record in told)
    assert len(set(told)) > 1
    assert seqvae("complete", run_folder, "alpha beta", "-n", 6, "--seed", 1).lines == told


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("interpolate", "", B), b"", "A: an empty sentence"),
        (("interpolate", A, "  "), b"", "B: an empty sentence"),
        (("arithmetic", A, B, ""), b"", "C: an empty sentence"),
        (("complete", ""), b"", "PREFIX: an empty sentence"),
        (("reconstruct", A, ""), b"", "input 2: an empty sentence"),
        (("reconstruct",), b"alpha\n\nbeta\n", "stdin:2: an empty sentence"),
        (("reconstruct",), b"alpha\nbeta\ncaf\xe9\n", "stdin:3: not UTF-8"),
        (("reconstruct",), b"", "stdin is empty"),
    ],
)
def test_records_that_are_none(refused, run_folder, arguments, stdin, said):
    command, *rest = arguments
    assert said in refused(command, run_folder, *rest, stdin=stdin)


def test_words_that_nobody_knows_are_no_mistake(seqvae, run_folder):
    assert seqvae("reconstruct", run_folder, "<script>[red]\N{SNOWMAN} $HOME", "--json").code == 0


COMMANDS = [
    ("sample",),
    ("reconstruct", A),
    ("interpolate", A, B),
    ("arithmetic", A, B, C),
    ("complete", A),
    ("nearest", A),
    ("evaluate",),
    ("decode", "z.npy"),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=[command[0] for command in COMMANDS])
def test_no_run_there(refused, tmp_path, arguments):
    command, *rest = arguments
    assert str(tmp_path / "absent") in refused(command, tmp_path / "absent", *rest)


def test_a_near_name_is_suggested(refused, run_folder):
    assert "did you mean 'run'?" in refused("sample", str(run_folder) + "s")


@pytest.mark.parametrize("victim", ["config.json", "model.safetensors", "manifest.json", "codec"])
def test_a_run_with_a_file_missing(refused, run_folder, tmp_path, victim):
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    path = run / "model" / victim
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert str(path) in refused("sample", run)


def test_a_run_with_a_damaged_file(refused, run_folder, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    weights = run / "model" / "model.safetensors"
    held = bytearray(weights.read_bytes())
    held[-1] ^= 1
    weights.write_bytes(held)
    assert str(weights) in refused("sample", run)


def test_a_folder_that_is_no_run(refused, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert str(tmp_path) in refused("sample", tmp_path)


def test_a_saved_model_serves_as_a_run(seqvae, run_folder):
    one, other = (seqvae("sample", place, "--seed", 1).lines for place in (run_folder, Path(run_folder) / "model"))
    assert one == other
