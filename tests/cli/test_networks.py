"""Pretrained networks from the command line: trained, used without the places they came from, and refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NetworkFolder = Callable[[str], Path]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """300 sentences of the tiny tokenizers' words."""
    path = tmp_path / "corpus.txt"
    lines = (f"{a}{i} {b}{(i + j) % 3} {a}{j}" for a in "abcdefg" for b in "abcdefg" for i in range(3) for j in range(2))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def optimus(tmp_path: Path, corpus: Path, network_folder: NetworkFolder) -> list[str]:
    """`train text-optimus` with folders of its own, to be lost, in place of the hub's names."""
    bert, gpt2 = (shutil.copytree(network_folder(family), tmp_path / family) for family in ("bert", "gpt2"))
    return [
        "train",
        "text-optimus",
        f"data={corpus}",
        f"out={tmp_path / 'run'}",
        f"tokenizer.name={gpt2}",
        f"tokenizer.encoder={bert}",
        f"model.encoder.pretrained={bert}",
        f"model.decoder.pretrained={gpt2}",
        "data.max_length=12",
        "model.posterior.latent=4",
        "training.steps=4",
        "training.batch_tokens=256",
        "training.precision=fp32",
        "training.learning_rate=null",
    ]


def test_two_networks_and_two_tokenizers_there_and_back(
    optimus: list[str], tmp_path: Path, seqvae: Callable[..., Any], refused: Callable[..., str]
) -> None:
    trained = seqvae(*optimus, "--json")
    assert trained.code == 0, trained.err
    run = tmp_path / "run"
    before = seqvae("reconstruct", run, "a0 b1 a1", "c2 d0 c0", "--json").json["records"]
    judged = seqvae("evaluate", run, "--samples", 2, "--json")
    assert judged.code == 0, judged.err
    assert judged.json["nll_nats"] > 0
    for folder in ("bert", "gpt2"):
        shutil.rmtree(tmp_path / folder)
    assert seqvae("reconstruct", run, "a0 b1 a1", "c2 d0 c0", "--json").json["records"] == before
    assert len(seqvae("sample", run, "-n", 3, "--json").json["records"]) == 3
    held = json.loads((run / "model" / "config.json").read_text("utf-8"))["recipe"]["model"]
    assert held["encoder"]["pretrained"] is held["decoder"]["pretrained"] is None
    assert (held["encoder"]["architecture"]["model_type"], held["decoder"]["architecture"]["model_type"]) == ("bert", "gpt2")
    assert str(tmp_path) not in json.dumps(held)
    assert "tokenizer.name" in refused("resume", run)


def test_an_unknown_name(optimus: list[str], refused: Callable[..., str]) -> None:
    wrong = [word.replace("model.encoder.pretrained=", "model.encoder.pretrained=no-such") for word in optimus]
    assert "model.encoder.pretrained=no-such" in refused(*wrong)
    wrong = [word.replace("tokenizer.encoder=", "tokenizer.encoder=no-such") for word in optimus]
    assert "tokenizer.encoder=no-such" in refused(*wrong)


def test_anothers_tokenizer(optimus: list[str], refused: Callable[..., str]) -> None:
    own = [word for word in optimus if not word.startswith("tokenizer.")]
    message = refused(*own, "tokenizer={kind: sentencepiece, vocab_size: 300}")
    assert "the network of model.encoder knows 27; give it its own: tokenizer={kind: pretrained" in message


def test_records_beyond_the_positions(optimus: list[str], corpus: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    with corpus.open("a", encoding="utf-8") as file:
        file.writelines(" ".join([f"a{i % 3}"] * 30) + "\n" for i in range(3))
    message = refused(*optimus, "data.max_length=60")
    assert "31 steps, and the model has positions for 19; leave longer ones out: data.max_length=19" in message
    assert not (tmp_path / "run").exists()


def test_widths_that_do_not_divide(corpus: Path, tmp_path: Path, refused: Callable[..., str]) -> None:
    message = refused("train", "text-transformer", f"data={corpus}", f"out={tmp_path / 'run'}", "model.decoder.heads=3")
    assert "model.decoder.hidden=256 is no multiple of twice model.decoder.heads=3" in message
    message = refused(
        "train", "text-transformer", f"data={corpus}", f"out={tmp_path / 'run'}", "model.encoder={kind: bert, heads: 3}"
    )
    assert "model.encoder" in message
