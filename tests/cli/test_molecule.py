"""Molecules through the commands: bad lines are named and counted, and whatever comes in, one clear line comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GOOD = ["CCO", "CCN", "CCC", "CCCl", "OCCO", "CC(C)O", "CC(C)N", "c1ccccc1", "Cc1ccccc1", "CC(=O)O", "CCCC", "NCCO"] * 2
BAD = ["C1CC", "[Na+].[Cl-]", "CC(C)(C)(C)C", "not a molecule"]
TINY = """
modality: molecule
data: {{source: {source}, valid: 0.2, test: 0.2, max_length: 60, max_rejected: 0.5}}
tokenizer: {tokenizer}
model:
  encoder: {{kind: rnn, cell: gru, embedding: 8, hidden: 8}}
  posterior: {{kind: diagonal, latent: 4}}
  prior: standard_normal
  decoder: {{kind: rnn, cell: gru, embedding: 8, hidden: 8}}
  likelihood: categorical
training: {{steps: 3, precision: fp32}}
evaluation: {{samples: 2, generation: {{samples: 20, latents: 3, decodes: 4, records: 2, encodes: 2, redecodes: 2}}}}
"""


@pytest.fixture
def molecules(tmp_path: Path) -> Path:
    path = tmp_path / "molecules.smi"
    path.write_text("\n".join([*GOOD, *BAD, "C" * 1000]) + "\n")
    return path


@pytest.fixture(params=["smiles", "{kind: grammar, grammar: smiles}"], ids=["smiles", "grammar"])
def run(request: pytest.FixtureRequest, seqvae, molecules: Path, tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(TINY.format(source=molecules, tokenizer=request.param))
    done = seqvae("train", tmp_path / "tiny.yaml", f"out={tmp_path / 'run'}")
    assert done.code == 0, done.err
    return tmp_path / "run"


def test_every_command_on_a_small_run(seqvae, refused, run: Path, tmp_path: Path) -> None:
    rejected = [json.loads(line) for line in (run / "rejected.jsonl").read_text().splitlines()]
    assert {row["line"] for row in rejected} >= {25, 26, 27, 28, 29}  # and what holds a token that only a held-out molecule has
    assert "max_length=60" in next(row["reason"] for row in rejected if row["line"] == 29)
    assert len(seqvae("sample", run, "-n", 3, "--json").json["records"]) == 3
    assert seqvae("reconstruct", run, "OCC", "--json").json["inputs"] == ["CCO"]
    for wrong in ("C1CC", "", "CC.CC"):
        refused("reconstruct", run, wrong)
    found = seqvae("evaluate", run, "--json").json
    assert {"validity", "prior_validity", "reconstruction_sampled", "ppl_token"} <= set(found)
    assert seqvae("sample", run, "-n", 3, "--out", tmp_path / "x.svg").code == 0
    assert "<svg" in (tmp_path / "x.svg").read_text()


def test_an_unknown_column_is_one_line(refused, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("smiles,logS\nCCO,1\nCC,2\n")
    (tmp_path / "tiny.yaml").write_text(TINY.format(source=tmp_path / "m.csv", tokenizer="smiles"))
    message = refused("train", tmp_path / "tiny.yaml", "data.properties=[logs]", f"out={tmp_path / 'run'}")
    assert "has no column 'logs'; did you mean 'logS'?" in message
