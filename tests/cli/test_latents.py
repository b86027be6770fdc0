from __future__ import annotations

import numpy as np
import pytest
import torch

SENTENCES = ["alpha beta gamma", "tau", "omega psi chi phi rho", "zeta zeta"]


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join(SENTENCES) + "\n")
    return path


@pytest.fixture
def latents(seqvae, run_folder, sentences, tmp_path):
    """What encode writes for `SENTENCES`, `[4,4]`."""
    out = tmp_path / "z.npy"
    result = seqvae("encode", run_folder, sentences, "--out", out)
    assert result.code == 0, result.err
    assert str(out) in result.out
    return out


def test_rows_stand_in_the_order_of_the_lines(seqvae, run_folder, sentences, latents, tmp_path):
    z = np.load(latents, allow_pickle=False)
    assert (z.shape, z.dtype) == ((4, 4), np.float32)
    sentences.write_text("\n".join(SENTENCES[::-1]) + "\n")
    seqvae("encode", run_folder, sentences, "--out", tmp_path / "reversed.npy")
    np.testing.assert_allclose(np.load(tmp_path / "reversed.npy"), z[::-1], atol=1e-6)


def test_decoding_what_was_encoded_is_reconstruction(seqvae, run_folder, latents):
    back = seqvae("reconstruct", run_folder, *SENTENCES, "--json").json["records"]
    assert seqvae("decode", run_folder, latents, "--json").json == {"records": back}
    assert seqvae("decode", run_folder, latents).lines == back


def test_one_latent_alone_and_other_kinds_of_numbers(seqvae, run_folder, latents, tmp_path):
    z = np.load(latents)
    np.save(tmp_path / "one.npy", z[0].astype(np.float64))
    assert seqvae("decode", run_folder, tmp_path / "one.npy").lines == seqvae("decode", run_folder, latents).lines[:1]
    np.save(tmp_path / "whole.npy", np.zeros((2, 4), np.int64))
    first, second = seqvae("decode", run_folder, tmp_path / "whole.npy").lines
    assert first == second


def test_draws_differ_from_means_and_repeat(seqvae, run_folder, sentences, latents, tmp_path):
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        seqvae("encode", run_folder, sentences, "--sample", "--seed", seed, "--out", tmp_path / f"{name}.npy")
        drawn.append(np.load(tmp_path / f"{name}.npy"))
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.allclose(drawn[0], drawn[2])
    assert not np.allclose(drawn[0], np.load(latents))


def test_tables_are_read_by_their_columns(seqvae, run_folder, latents, tmp_path):
    table, out = tmp_path / "table.tsv", tmp_path / "table.npy"
    table.write_text("label\ttext\n" + "".join(f"0\t{sentence}\n" for sentence in SENTENCES))
    told = seqvae("encode", run_folder, table, "--out", out, "--json").json
    assert told == {"out": str(out), "shape": [4, 4]}
    np.testing.assert_array_equal(np.load(out), np.load(latents))


def test_bad_lines_are_left_out_and_named(seqvae, run_folder, tmp_path):
    path, out = tmp_path / "mixed.txt", tmp_path / "z.npy"
    path.write_text("".join("alpha\n" if i != 20 else "\n" for i in range(40)))
    result = seqvae("encode", run_folder, path, "--out", out)
    assert f"1 of 40 records are bad: {path}:21: blank" in result.err
    assert len(np.load(out)) == 39


@pytest.mark.parametrize(
    ("name", "held", "said"),
    [
        ("empty.txt", b"", "empty"),
        ("blank.txt", b"\n\n", "2 of 2 records are bad"),
        ("half.txt", b"alpha\n\n", "1 of 2 records are bad"),
        ("latin.txt", b"caf\xe9\n", "not UTF-8"),
        ("page.pdf", b"words", ".pdf"),
        ("table.tsv", b"1\t2\t3\n", "column"),
    ],
)
def test_files_without_records(refused, run_folder, tmp_path, name, held, said):
    (tmp_path / name).write_bytes(held)
    line = refused("encode", run_folder, tmp_path / name, "--out", tmp_path / "z.npy")
    assert said in line
    assert name in line
    assert not (tmp_path / "z.npy").exists()


def test_a_file_that_is_not_there(refused, run_folder, tmp_path):
    assert "absent.txt" in refused("encode", run_folder, tmp_path / "absent.txt", "--out", tmp_path / "z.npy")
    assert "absent.npy" in refused("decode", run_folder, tmp_path / "absent.npy")
    assert "is a folder" in refused("decode", run_folder, tmp_path)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 5)), "[3, 5]"),
        (np.zeros((0, 4)), "[0, 4]"),
        (np.zeros(5), "[5]"),
        (np.float64(1), "[]"),
        (np.zeros((2, 1, 4)), "[2, 1, 4]"),
        (np.zeros((2, 4), complex), "complex128"),
        (np.full((2, 4), "x"), "<U1"),
        (np.zeros((2, 4), bool), "bool"),
        (np.where(np.eye(2, 4) > 0, np.nan, 0), "2 values that are not finite in float32, the first at [0, 0]"),
        (np.where(np.arange(8).reshape(2, 4) == 6, -np.inf, 0), "the first at [1, 2]"),
        (np.full((1, 4), 1e300), "4 values that are not finite in float32"),
    ],
)
def test_arrays_that_are_no_latents(refused, run_folder, tmp_path, array, said):
    np.save(tmp_path / "z.npy", array)
    line = refused("decode", run_folder, tmp_path / "z.npy")
    assert said in line
    assert "z.npy" in line


def test_files_that_are_no_arrays(refused, run_folder, tmp_path):
    path = tmp_path / "z.npy"
    for held in (b"", b"words", b"\x93NUMPY\x01\x00"):
        path.write_bytes(held)
        assert "z.npy is not an .npy file" in refused("decode", run_folder, path)
    np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True)
    assert "z.npy is not an .npy file" in refused("decode", run_folder, path)
    with open(path, "wb") as stream:
        np.savez(stream, a=np.zeros(4))
    assert "several arrays" in refused("decode", run_folder, path)
    torch.save({"z": torch.zeros(4)}, path)
    assert "z.npy" in refused("decode", run_folder, path)
