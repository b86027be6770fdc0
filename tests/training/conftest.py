"""A tiny text run, made of real parts: 200 short sentences, a word codec, 8 units, single-threaded for exact repetition. What it
leaves behind; and scripts in processes of their own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file
from torch import Tensor

from seqvae import recipe as recipes
from seqvae.recipe import Recipe

TINY = {
    "modality": "text",
    "tokenizer": {"kind": "word", "vocab_size": 50},
    "model": {
        "encoder": {"kind": "rnn", "embedding": 8, "hidden": 8},
        "posterior": {"kind": "diagonal", "latent": 4},
        "prior": "standard_normal",
        "decoder": {"kind": "rnn", "embedding": 8, "hidden": 8, "dropout": 0.3, "word_dropout": 0.1},
        "likelihood": {"kind": "categorical", "tied": True},
    },
    "objective": {"preset": "elbo", "beta": {"kind": "linear", "steps": 10}},
    "training": {"steps": 12, "batch_tokens": 128, "precision": "fp32", "threads": 1, "log_every": 2, "validate_every": 5},
}


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of 200 sentences out of 30 words, and a cache of the test's own."""
    monkeypatch.setenv("SEQVAE_CACHE", str(tmp_path / "cache"))
    chance = random.Random(0)
    words = [f"w{i}" for i in range(30)]
    path = tmp_path / "corpus.txt"
    lines = [" ".join(chance.choices(words, k=chance.randint(2, 9))) for _ in range(200)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def tiny(corpus: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """A checked recipe with overrides; `out` is `tmp_path / out`."""

    def make(*overrides: str, out: str = "run") -> Recipe:
        config = {**TINY, "data": {"source": str(corpus)}, "out": str(tmp_path / out)}
        return recipes.check(recipes.override(config, overrides))

    return make


@pytest.fixture
def last_checkpoint() -> Callable[[Path], dict[str, Tensor]]:
    """`last_checkpoint(run)`: all tensors of the last checkpoint, by file and name."""

    def read(run: Path) -> dict[str, Tensor]:
        folder = sorted((run / "checkpoints").glob("step-*"))[-1]
        return {f"{file.stem}/{name}": t for file in folder.glob("*.safetensors") for name, t in load_file(file).items()}

    return read


@pytest.fixture
def launch() -> Callable[..., None]:
    """`launch("one_step.py", "out", processes=2)`: run a script of this folder by so many processes on the CPU."""

    def run(script: str, *arguments: object, processes: int = 1) -> None:
        together = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--master_port=0", "--standalone"]
        command = [sys.executable, *(together if processes > 1 else []), str(Path(__file__).parent / script), *map(str, arguments)]
        environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            _, errors = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.terminate()  # a launcher that is killed outright leaves its processes running
            _, errors = process.communicate()
        assert process.returncode == 0, errors

    return run
