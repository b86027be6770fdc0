"""The front page does what it says: its commands run, in their order, and so does its Python."""

from __future__ import annotations

import random
import re
import shlex
from pathlib import Path

import pytest

from seqvae.cli.app import run

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SMALL = [  # the same commands on models that train in a second
    "training.steps=3",
    "training.precision=fp32",
    "model.encoder.hidden=8",
    "model.encoder.embedding=8",
    "model.decoder.hidden=8",
    "model.decoder.embedding=8",
]


def commands() -> list[list[str]]:
    """The indented `seqvae` lines, continuations joined, comments dropped."""
    joined = README.replace("\\\n", " ")
    return [shlex.split(line, comments=True)[1:] for line in re.findall(r"^    (seqvae .*)$", joined, re.MULTILINE)]


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a user's file in it."""
    monkeypatch.setenv("SEQVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    chance = random.Random(0)
    words = ("the", "food", "service", "staff", "was", "great", "bad", "not", "will", "i", "be", "back", "very", "good", "never")
    lines = [" ".join(chance.choices(words, k=chance.randint(3, 9))) for _ in range(300)]
    (tmp_path / "reviews.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "drawings").mkdir()
    for number in range(30):
        points = " ".join(f"{chance.randint(0, 99)},{chance.randint(0, 99)}" for _ in range(6))
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><polyline points="{points}"/></svg>'
        (tmp_path / "drawings" / f"{number}.svg").write_text(svg, encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_the_commands_and_then_the_python(somewhere: Path, capfd: pytest.CaptureFixture[str]) -> None:
    listed = commands()
    assert {command[0] for command in listed} >= {"train", "evaluate", "sample", "interpolate", "resume"}
    for command in listed:
        quick = [word.replace("data=docstrings", "data=reviews.txt") for word in command]
        if command[0] == "train":
            quick = [word for word in quick if not word.startswith("training.steps")] + SMALL
            quick += ["tokenizer.vocab_size=300"] * command[1].startswith("text")
        assert run(quick) == 0, (quick, capfd.readouterr().err)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    capfd.readouterr()
    for block in blocks:
        exec(block, {})
    assert len(capfd.readouterr().out.splitlines()) >= 5
    assert (somewhere / "my-vae" / "model.safetensors").is_file()


def test_every_file_that_it_names_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (Path(__file__).parents[1] / link).exists()] == []
