"""`seqvae`: the commands, and what a process tells its caller.

| exit code | when |
|---|---|
| 0 | done |
| 1 | a defect of ours; the traceback is kept |
| 2 | a mistake that the user can mend, as one line on stderr: what is wrong, the actual value, what to do |
| 130 | Ctrl-C |
| 141 | whoever read our output has gone away |

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import typer
from typer.main import get_command

from seqvae.cli import data, demo, diagnose, evaluate, explore, fit_prior, heads, latents, neighbours, optimize, recognise, train
from seqvae.errors import SeqVAEError

# typer's own, or click's where an older typer leans on it: what a wrong command line raises
WrongUsage: type[Exception] = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")

# what an operating system answers to a bad path or a full disk, which no user takes for a defect of ours
REFUSALS = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EIO,
}

app = typer.Typer(
    name="seqvae",
    help="Variational autoencoders of sequences: train them, judge them, explore their latent space.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("resume")(train.resume)
app.command("evaluate")(evaluate.evaluate)
app.command("diagnose")(diagnose.diagnose)
app.command("fit-heads")(heads.fit_heads)
app.command("fit-prior")(fit_prior.fit_prior)
app.command("fit-classifier")(recognise.fit_classifier)
app.command("recognise")(recognise.recognise)
app.command("sample")(explore.sample)
app.command("reconstruct")(explore.reconstruct)
app.command("interpolate")(explore.interpolate)
app.command("arithmetic")(explore.arithmetic)
app.command("complete")(explore.complete)
app.command("nearest")(neighbours.nearest)
app.command("optimize")(optimize.optimize)
app.command("encode")(latents.encode)
app.command("decode")(latents.decode)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code (see the table above). Defects of ours pass through as they are."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # no record that the terminal cannot show may stop a command
    try:
        with _logging_to_stderr():
            code = _invoke(list(arguments) or ["--help"])
        sys.stdout.flush()
        return code
    except SeqVAEError as error:
        return _fail(str(error))
    except WrongUsage as error:
        return _fail(_usage_problem(error, arguments))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more while it exits
        return 141
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        return _fail(f"cannot use {error.filename or 'a file'}: {error.strerror}; mend that, or name another place")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _invoke(arguments: list[str]) -> int:
    """What `click.Command.main` does, less its own handling of errors, which would hide some and print others on many lines."""
    command = get_command(app)
    try:
        with command.make_context("seqvae", arguments) as context:
            command.invoke(context)
    except typer.Exit as exit_:
        return exit_.exit_code
    return 0


def _fail(message: str) -> int:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _usage_problem(error: Exception, arguments: Sequence[str]) -> str:
    """What is wrong, what was given, and where to look."""
    message: str = error.format_message().rstrip(".")  # type: ignore[attr-defined]
    options = getattr(getattr(error, "param", None), "opts", [])
    words = [word for argument in arguments for word in argument.split("=", 1)]
    given = next((value for option, value in pairwise(words) if option in options), None)
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "seqvae"
    return f"{message}{f', got {given!r}' if given and given not in message else ''}; see {where} --help"


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """The package's log lines, as they are, to stderr; afterwards its logger is as it was."""
    log = logging.getLogger("seqvae")
    before = log.handlers, log.level, log.propagate
    log.handlers, log.propagate = [logging.StreamHandler()], False
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.handlers, log.level, log.propagate = before


if __name__ == "__main__":  # for launchers: accelerate launch -m seqvae.cli.app train ...
    main()
