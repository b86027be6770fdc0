"""The command line in this process, and one tiny run that is trained through it and then shared."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seqvae.cli.app import run

WORDS = ["alpha", "beta", "gamma", "delta", "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "zeta"]
RECIPE = """
modality: text
data: {source: CORPUS, valid: 0.1, test: 0.2}
tokenizer: {kind: word, vocab_size: 50}
model:
  encoder: {kind: rnn, embedding: 16, hidden: 24}
  posterior: {kind: diagonal, latent: 4}
  prior: standard_normal
  decoder: {kind: rnn, embedding: 16, hidden: 32, dropout: 0.0}
  likelihood: categorical
objective: {preset: elbo, beta: 0.3}
training: {steps: 120, batch_tokens: 512, precision: fp32, threads: 1, log_every: 10, validate_every: 40, optimizer: {lr: 0.02}}
"""


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Stdin:
    """A pipe that holds these bytes."""

    def __init__(self, held: bytes) -> None:
        self.buffer = io.BytesIO(held)

    def isatty(self) -> bool:
        return False


def invoke(*arguments: object, stdin: bytes = b"") -> Result:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr("sys.stdin", Stdin(stdin))
        code = run([str(argument) for argument in arguments])
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQVAE_CACHE", str(cache))
    monkeypatch.delenv("SEQVAE_DATA", raising=False)


@pytest.fixture
def seqvae() -> Callable[..., Result]:
    """`seqvae("sample", run, "-n", 3, stdin=b"")`."""
    return invoke


@pytest.fixture
def refused() -> Callable[..., str]:
    """As `seqvae`, for a command that must be refused: exit code 2, nothing on stdout, one line on stderr, which it returns."""

    def refused(*arguments: object, stdin: bytes = b"") -> str:
        result = invoke(*arguments, stdin=stdin)
        assert result.code == 2, result
        assert result.out == ""
        errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, result.err
        assert result.err.endswith(errors[0] + "\n"), result.err
        return errors[0]

    return refused


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """288 sentences: a word some times, then another; easily learnt, so that different sentences come back different."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    pairs = [(first, second) for first in WORDS for second in WORDS]
    counts = [(2, 1), (1, 3)]
    path.write_text("".join(" ".join([a] * i + [b] * j) + "\n" for a, b in pairs for i, j in counts), "utf-8")
    return path


@pytest.fixture(scope="session")
def recipe(corpus: Path) -> Path:
    """A recipe of the smallest parts, on `corpus`."""
    path = corpus.with_name("tiny.yaml")
    path.write_text(RECIPE.replace("CORPUS", str(corpus)), "utf-8")
    return path


@pytest.fixture(scope="session")
def trained(recipe: Path, cache: Path) -> Result:
    """What `seqvae train --json` said of a tiny run, 120 steps long."""
    return _in(cache, "train", recipe, f"out={recipe.with_name('run')}", "--json")


@pytest.fixture(scope="session")
def judged(trained: Result, cache: Path) -> Result:
    """What `seqvae evaluate --json` said of it."""
    return _in(cache, "evaluate", trained.json["run"], "--samples", 20, "--json")


def _in(cache: Path, *arguments: object) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQVAE_CACHE", str(cache))
        result = invoke(*arguments)
    assert result.code == 0, result.err
    return result


@pytest.fixture(scope="session")
def in_cache(cache: Path) -> Callable[..., Result]:
    """As `seqvae`, for fixtures that many tests share: a command that must succeed, with the session's cache."""
    return functools.partial(_in, cache)


@pytest.fixture(scope="session")
def vocabulary() -> dict[str, list[str]]:
    """The words of each of two classes."""
    return {"greek": ["alpha", "beta", "gamma"], "latin": ["primus", "secundus", "tertius"]}


@pytest.fixture(scope="session")
def class_table(vocabulary: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """108 sentences of three words of one class, with a column that names the class."""
    path = tmp_path_factory.mktemp("classes") / "table.csv"
    rows = [f"{a} {b} {c},{name}" for name, words in vocabulary.items() for a in words for b in words for c in words]
    path.write_text("text,class\n" + "\n".join(rows * 2) + "\n", "utf-8")
    return path


@pytest.fixture(scope="session")
def train_with_classes(recipe: Path, in_cache: Callable[..., Result]) -> Callable[..., str]:
    """`train_with_classes(table, out, *overrides)`: the folder of a run that is told the classes of a table."""

    def train(table: Path, out: Path, *overrides: str) -> str:
        told = (f"data={table}", "data.label=class", "model.condition=classes", "model.condition.width=4")
        small = ("model.posterior.latent=2", "objective.beta=3", "training.batch_tokens=256")
        return in_cache("train", recipe, f"out={out}", *told, *small, *overrides, "--json").json["run"]

    return train


@pytest.fixture(scope="session")
def classes_run(class_table: Path, train_with_classes: Callable[..., str]) -> str:
    """A run that knows the classes of `class_table`. Shared: look, do not touch."""
    return train_with_classes(class_table, class_table.with_name("run"))


@pytest.fixture
def run_folder(trained: Result) -> str:
    """The folder of the tiny run. Shared: look, do not touch."""
    return trained.json["run"]
