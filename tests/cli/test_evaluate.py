from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.data.prepare import prepare
from seqvae.data.store import SequenceStore

KEYS = [
    "modality",
    "split",
    "count",
    "samples",
    "elbo_nats",
    "rate_nats",
    "distortion_nats",
    "nll_nats",
    "nll_stderr_nats",
    "ppl_word",
    "ppl_token",
    "mi_nats",
    "mi_bound_nats",
    "mi_minibatch_nats",
    "active_units",
    "latent_dim",
    "collapsed",
    "reconstruction_exact",
    "reconstruction_token_accuracy",
    "bleu",
    "retrieval_gallery",
    "retrieval_top1",
    "retrieval_top10",
    "retrieval_top50",
]


@pytest.fixture
def held_out(run_folder: str) -> SequenceStore:
    """The test split of the tiny run, found without the command line."""
    recipe = recipes.load(Path(run_folder) / "recipe.yaml")
    return prepare(recipe.data, registry.build("modality", recipe.modality), recipe.tokenizer, recipe.seed).splits["test"]


def test_the_keys_of_the_contract(judged):
    assert judged.json.keys() == set(KEYS)


def test_the_numbers_agree_with_each_other_and_with_the_data(judged, held_out):
    told = judged.json
    assert (told["modality"], told["split"], told["count"], told["samples"]) == ("text", "test", len(held_out), 20)
    assert told["elbo_nats"] == pytest.approx(-(told["rate_nats"] + told["distortion_nats"]))
    total = told["nll_nats"] * told["count"]
    assert told["ppl_word"] == pytest.approx(math.exp(total / (held_out.units.sum() + len(held_out))))
    assert told["ppl_token"] == pytest.approx(math.exp(total / held_out.lengths.sum()))
    assert told["mi_bound_nats"] == pytest.approx(math.log(len(held_out)))
    assert told["latent_dim"] == 4


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(seqvae, judged, run_folder):
    again = ("evaluate", run_folder, "--samples", 20, "--json")
    assert seqvae(*again, "--seed", 0).json == judged.json
    assert seqvae(*again, "--seed", 1).json["nll_nats"] != judged.json["nll_nats"]


def test_the_table_has_every_number_its_unit_and_the_verdict(seqvae, judged, run_folder):
    lines = seqvae("evaluate", run_folder, "--samples", 20).lines
    told = judged.json
    shown = {line.split()[0]: line for line in lines if line.strip()}
    assert set(KEYS) <= shown.keys()
    assert f"{told['nll_nats']:.4f}" in shown["nll_nats"]
    assert "nats per sequence" in shown["nll_nats"]
    assert told["collapsed"] is False
    assert lines[-2].startswith("Not collapsed")


def test_the_models_own_card_has_the_numbers(judged, run_folder):
    card = (Path(run_folder) / "model" / "README.md").read_text("utf-8")
    assert "| nll_nats |" in card


def test_a_collapsed_model_is_called_collapsed(seqvae, recipe, tmp_path):
    run = tmp_path / "run"
    seqvae("train", recipe, f"out={run}", "training.steps=1", "objective.beta=1000")
    result = seqvae("evaluate", run, "--samples", 2)
    assert result.lines[-2].startswith("Collapsed")
    assert "objective.rate" in result.lines[-1]
    assert seqvae("evaluate", run, "--samples", 2, "--json").json["collapsed"] is True


def test_other_splits_and_the_recipes_samples(seqvae, run_folder, held_out):
    told = seqvae("evaluate", run_folder, "--split", "valid", "--samples", 1, "--json").json
    assert told["split"] == "valid"
    assert told["count"] != len(held_out)
    assert "nll_stderr_nats" not in told


def test_data_that_changed_since_training(seqvae, refused, recipe, corpus, tmp_path):
    data, run = tmp_path / "data.txt", tmp_path / "run"
    shutil.copy(corpus, data)
    seqvae("train", recipe, f"data.source={data}", f"out={run}", "training.steps=1")
    assert "changed" not in seqvae("evaluate", run, "--samples", 1).err
    data.write_text(data.read_text() + "omega alpha omega\n")  # of words that the tokenizer knows
    assert f"{data} has changed" in seqvae("evaluate", run, "--samples", 1).err
    data.write_text(data.read_text() + "".join(f"new{i} words\n" for i in range(20)))
    assert "tokenizer" in refused("evaluate", run)
    data.unlink()
    assert str(data) in refused("evaluate", run)


def test_a_split_that_is_not_there(seqvae, refused, recipe, tmp_path):
    run = tmp_path / "run"
    seqvae("train", recipe, f"out={run}", "data.test=0", "training.steps=1")
    line = refused("evaluate", run)
    assert "no test records" in line
    assert "train, valid" in line
