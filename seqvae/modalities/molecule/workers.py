"""RDKit over many strings in several processes, results in order, memory constant.

Plain child processes that speak lines of JSON: RDKit holds Python's lock, so threads gain nothing; a forked process would inherit
torch's threads half-way through; and a spawned one would run the user's script again. Each has one chunk at a time, so no pipe
can fill up on both sides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO, NamedTuple, cast

from seqvae.errors import DataError
from seqvae.modalities.molecule.records import Fragments, to_record

CHUNK = 512  # strings a message
WORTH_STARTING = 4096  # strings below which a process costs more than it saves
MOST = 8  # processes; reading and writing keep one more busy


class Outcome(NamedTuple):
    """What became of a string: its record, or why it has none."""

    record: str | None
    reason: str = ""


def outcomes(texts: Iterable[str], fragments: Fragments) -> Iterator[Outcome]:
    """One outcome a text, in order.

    Raises:
        DataError: a child process died.
    """
    stream = iter(texts)
    first = list(islice(stream, WORTH_STARTING))
    if len(first) < WORTH_STARTING:
        yield from (outcome(text, fragments) for text in first)
        return
    workers = [_start(fragments) for _ in range(min(MOST, os.cpu_count() or 1))]
    try:
        chunks = _chunks(chain(first, stream))
        while given := [_give(worker, chunk) for worker, chunk in zip(workers, chunks, strict=False)]:
            for worker in given:
                yield from _take(worker)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def outcome(text: str, fragments: Fragments) -> Outcome:
    """The record that a text spells, or why it spells none."""
    try:
        return Outcome(to_record(text, fragments))
    except DataError as error:
        return Outcome(None, str(error))


def _chunks(stream: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def _start(fragments: Fragments) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", __name__, fragments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment)


def _give(worker: subprocess.Popen[str], chunk: list[str]) -> subprocess.Popen[str]:
    stdin = cast(IO[str], worker.stdin)
    try:
        stdin.write(json.dumps(chunk) + "\n")
        stdin.flush()
    except BrokenPipeError:
        pass  # the process died; taking from it says so
    return worker


def _take(worker: subprocess.Popen[str]) -> list[Outcome]:
    line = cast(IO[str], worker.stdout).readline()
    if not line:
        raise DataError(f"a process that reads molecules died with code {worker.wait()}; is there enough memory?")
    return [Outcome(*each) for each in json.loads(line)]


def serve(fragments: Fragments, given: IO[str], taken: IO[str]) -> None:
    """A child's work: a JSON list of texts a line in, a JSON list of outcomes a line out, until the input ends."""
    for line in given:
        taken.write(json.dumps([outcome(text, fragments) for text in json.loads(line)]) + "\n")
        taken.flush()


if __name__ == "__main__":
    serve(cast(Fragments, sys.argv[1]), sys.stdin, sys.stdout)
