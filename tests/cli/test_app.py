from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from seqvae.cli import explore
from seqvae.errors import ConfigError

COMMANDS = [
    "nearest",
    "demo",
    "data",
    "train",
    "resume",
    "evaluate",
    "diagnose",
    "fit-classifier",
    "recognise",
    "fit-heads",
    "fit-prior",
    "sample",
    "reconstruct",
    "interpolate",
    "arithmetic",
    "complete",
    "optimize",
    "encode",
    "decode",
]


def test_help_names_every_command_and_loads_nothing_heavy():
    heavy = ["torch", "numpy", "pydantic", "yaml", "matplotlib", "transformers", "sacrebleu", "accelerate", "huggingface_hub"]
    script = f"import sys; from seqvae.cli.app import run; run(['--help']); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *helped, loaded = done.stdout.splitlines()
    assert loaded == "[]"
    named = [line.split()[0] for line in helped[helped.index("Commands:") + 1 :] if line.strip()]
    assert sorted(named) == sorted(COMMANDS)


def test_no_arguments_mean_help(seqvae):
    assert seqvae() == seqvae("--help")
    assert seqvae().code == 0


@pytest.mark.parametrize("command", [*COMMANDS, "data list", "data info", "data get", "data prepare"])
def test_every_command_explains_itself(seqvae, command):
    result = seqvae(*command.split(), "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: seqvae {command} ")
    assert result.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "trian"),
        (["train"], "RECIPE"),
        (["sample", "run", "-n", "0"], "-n"),
        (["sample", "run", "-n", "many"], "many"),
        (["sample", "run", "--temperature", "0"], "--temperature"),
        (["sample", "run", "--stpes", "3"], "--stpes"),
        (["interpolate", "run", "a"], "B"),
        (["interpolate", "run", "a", "b", "--method", "straight"], "straight"),
        (["interpolate", "run", "a", "b", "--steps", "1"], "--steps"),
        (["evaluate", "run", "--split", "tset"], "tset"),
        (["encode", "run", "file"], "--out"),
        (["data"], "command"),
        (["data", "lits"], "lits"),
    ],
)
def test_a_wrong_command_line_is_one_line(refused, arguments, said):
    line = refused(*arguments)
    assert said in line
    assert "--help" in line


def test_every_problem_of_an_error_comes_in_one_line(refused, monkeypatch):
    def fail(run: str) -> None:
        raise ConfigError(["one\nproblem", "and another"])

    monkeypatch.setattr(explore, "load", fail)
    assert refused("sample", "run") == "error: one problem; and another"


def test_what_the_system_refuses_is_one_line(refused, tmp_path, run_folder, recipe):
    assert "too long" in refused("sample", "a sentence where a run should be " * 100)
    (tmp_path / "file").touch()
    assert "Not a directory" in refused("train", recipe, f"out={tmp_path / 'file' / 'run'}")
    assert "file" in refused("decode", run_folder, tmp_path / "file" / "z.npy")


def test_a_file_of_ours_that_is_missing_is_a_defect(seqvae, monkeypatch):
    def fail(run: str) -> None:
        Path("/nowhere/at/all").read_text()

    monkeypatch.setattr(explore, "load", fail)
    with pytest.raises(FileNotFoundError):
        seqvae("sample", "run")


def test_a_defect_keeps_its_traceback(seqvae, monkeypatch):
    def fail(run: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(explore, "load", fail)
    with pytest.raises(ZeroDivisionError):
        seqvae("sample", "run")


def test_an_interrupt_is_one_line(seqvae, monkeypatch):
    def interrupt(run: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(explore, "load", interrupt)
    assert seqvae("sample", "run") == (130, "", "stopped\n")


def test_the_logger_is_left_as_it_was(seqvae):
    log = logging.getLogger("seqvae")
    before = list(log.handlers), log.level, log.propagate
    seqvae("data", "list")
    assert (log.handlers, log.level, log.propagate) == before


def test_a_closed_pipe_ends_quietly():
    command = [sys.executable, "-c", "from seqvae.cli.app import main; main()", "data", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()  # nobody will read
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert err == b""
