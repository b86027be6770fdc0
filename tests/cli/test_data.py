from __future__ import annotations

import hashlib

import pytest
import yaml

from seqvae.data.cards import card_names
from seqvae.data.shipped import shipped


def test_list_names_every_card(seqvae):
    listed = seqvae("data", "list", "--json").json["datasets"]
    assert [entry["name"] for entry in listed] == card_names()
    assert all(entry.keys() == {"name", "modality", "description", "licence"} for entry in listed)
    assert [line.split()[0] for line in seqvae("data", "list").lines] == card_names()


def test_info_shows_the_card(seqvae):
    card = yaml.safe_load((shipped("datasets") / "ptb.yaml").read_text("utf-8"))
    shown = seqvae("data", "info", "ptb").out
    for told in (card["licence"], card["homepage"], card["note"].strip(), f"{card['splits']['train']['records']:,} records"):
        assert told in shown
    told = seqvae("data", "info", "ptb", "--json").json
    assert told["splits"]["test"]["sha256"] == card["splits"]["test"]["sha256"]
    assert [file["path"] for file in told["here"]] == [None, None, None]


def test_an_unknown_name_suggests_the_nearest(refused):
    assert "did you mean 'ptb'?" in refused("data", "info", "ptbb")
    assert "did you mean 'ptb'?" in refused("data", "get", "ptbb")
    assert "did you mean 'docstrings'?" in refused("data", "prepare", "docstring")


def test_get_uses_and_verifies_files_in_seqvae_data(seqvae, refused, monkeypatch, tmp_path):
    (tmp_path / "text" / "ptb").mkdir(parents=True)
    for split in ("train", "valid", "test"):
        (tmp_path / "text" / "ptb" / f"{split}.txt").write_text("not the Wall Street Journal\n")
    monkeypatch.setenv("SEQVAE_DATA", str(tmp_path))
    line = refused("data", "get", "ptb")
    assert hashlib.sha256(b"not the Wall Street Journal\n").hexdigest() in line
    assert "train.txt" in line


def test_prepare_counts_every_line_once(seqvae, corpus, recipe):
    told = seqvae("data", "prepare", corpus, "--recipe", recipe, "--json").json
    assert sum(told["records"].values()) == len(corpus.read_text().splitlines())
    assert told["rejected"] == 0
    assert told["sha256"] == {"all": hashlib.sha256(corpus.read_bytes()).hexdigest()}
    assert told["vocabulary"] == 12 + 4  # the words, and pad, BOS, EOS, unk
    shown = seqvae("data", "prepare", corpus, "--recipe", recipe).out
    for split, count in told["records"].items():
        assert f"{split} {count}".split() in [line.split()[:2] for line in shown.splitlines()]


def test_prepare_finds_a_recipe_by_itself_and_takes_overrides(seqvae, corpus):
    told = seqvae("data", "prepare", corpus, "tokenizer=word", "data.test=0", "--json").json
    assert told["records"].keys() == {"train", "valid"}


def test_prepare_counts_bad_lines_and_names_them(seqvae, tmp_path):
    path = tmp_path / "mixed.txt"
    lines = [f"a good sentence number {i}".encode() for i in range(97)]
    lines[10:10] = [b"", b"caf\xe9", b"much " * 600]
    path.write_bytes(b"\n".join(lines) + b"\n")
    result = seqvae("data", "prepare", path, "tokenizer=word", "--json")
    assert result.json["rejected"] == 3
    assert sum(result.json["records"].values()) == 97
    for number, reason in ((11, "blank"), (12, "not UTF-8"), (13, "data.max_length=512")):
        assert f"{path}:{number}: " in result.err
        assert reason in result.err


@pytest.mark.parametrize(
    ("name", "held", "said"),
    [
        ("empty.txt", b"", "empty"),
        ("bytes.txt", b"\xff\xfe" * 20, "UTF-16"),
        ("page.doc", b"words\n", ".doc"),
        ("blank.txt", b"\n\n", "blank"),
    ],
)
def test_prepare_refuses_what_it_cannot_read(refused, tmp_path, name, held, said):
    (tmp_path / name).write_bytes(held)
    line = refused("data", "prepare", tmp_path / name, "tokenizer=word")
    assert said in line
    assert name in line


def test_prepare_says_that_a_file_is_missing(refused, tmp_path):
    assert str(tmp_path / "absent.txt") in refused("data", "prepare", tmp_path / "absent.txt")
