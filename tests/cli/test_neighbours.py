"""`seqvae nearest` on the tiny run, held against `seqvae encode` and sorting."""

from __future__ import annotations

import numpy as np
import pytest

QUERY = "alpha alpha beta"


@pytest.fixture
def among(tmp_path):
    """A few sentences, QUERY twice among them, and their file."""
    lines = ["omega psi psi psi", QUERY, "tau tau rho", "alpha beta beta beta", QUERY, "chi phi phi phi"]
    path = tmp_path / "among.txt"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def encoded(seqvae, run_folder, file):
    out = file.with_suffix(".npy")
    assert seqvae("encode", run_folder, file, "--out", out).code == 0
    return np.load(out).astype(np.float64)


def test_the_distances_are_those_of_the_latents(seqvae, run_folder, among):
    lines = among.read_text("utf-8").splitlines()
    z = encoded(seqvae, run_folder, among)
    far = np.linalg.norm(z - z[1], axis=1)
    told = seqvae("nearest", run_folder, QUERY, "-n", 6, "--data", among, "--json").json
    assert told["inputs"] == [QUERY]
    assert told["records"] == [lines[row] for row in np.argsort(far.round(4), kind="stable")]
    assert told["distances"] == pytest.approx(np.sort(far), abs=1e-4)
    cosine = seqvae("nearest", run_folder, QUERY, "-n", 6, "--data", among, "--metric", "cosine", "--json").json
    directions = z / np.linalg.norm(z, axis=1, keepdims=True)
    assert cosine["distances"] == pytest.approx(np.sort(1 - directions @ directions[1]), abs=1e-4)


def test_without_a_file_the_runs_own_records(seqvae, run_folder, corpus):
    known = set(corpus.read_text("utf-8").splitlines())
    told = seqvae("nearest", run_folder, QUERY, "--json").json
    assert len(told["records"]) == 8
    assert set(told["records"]) <= known
    assert told["distances"] == sorted(told["distances"])
    lines = seqvae("nearest", run_folder, QUERY).lines
    assert lines == [f"{far:.4f}  {text}" for far, text in zip(told["distances"], told["records"], strict=True)]
    other = seqvae("nearest", run_folder, QUERY, "--split", "test", "--json").json["records"]
    assert not set(other) & set(told["records"])


def test_out_gets_the_records(seqvae, run_folder, among, tmp_path):
    out = tmp_path / "near.txt"
    told = seqvae("nearest", run_folder, QUERY, "-n", 3, "--data", among, "--out", out)
    assert str(out) in told.out
    assert out.read_text("utf-8").splitlines()[:2] == [QUERY, QUERY]


def test_what_it_cannot_do_is_one_line(refused, run_folder, among, tmp_path):
    assert "k=7: there are 6 to choose among; give 1 to 6" in refused("nearest", run_folder, QUERY, "-n", 7, "--data", among)
    assert "QUERY: an empty sentence" in refused("nearest", run_folder, " ")
    assert str(tmp_path / "absent.txt") in refused("nearest", run_folder, QUERY, "--data", tmp_path / "absent.txt")
    assert "no pictures" in refused("nearest", run_folder, QUERY, "-n", 2, "--data", among, "--out", tmp_path / "near.svg")
    assert "angular" in refused("nearest", run_folder, QUERY, "--metric", "angular")
