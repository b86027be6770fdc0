"""How records come in: as arguments, as lines on stdin, or in a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqvae.errors import DataError

if TYPE_CHECKING:
    from seqvae.data.rows import Rejected
    from seqvae.vae import SeqVAE

log = logging.getLogger("seqvae")


def parse(vae: SeqVAE, name: str, argument: str) -> Any:
    """The record that a command's argument is.

    Raises:
        DataError: it is none; says which argument.
    """
    try:
        return vae.modality.parse(argument)
    except DataError as error:
        raise DataError(f"{name}: {error} (got {argument!r:.60})") from error


def from_arguments_or_stdin(vae: SeqVAE, arguments: Sequence[str]) -> list[Any]:
    """The records in `arguments`, else one a line on stdin; a bad line is an error, for outputs stand line by line beside inputs.

    Raises:
        DataError: a bad record, by its line, or none at all.
    """
    if arguments:
        return [parse(vae, f"input {number}", argument) for number, argument in enumerate(arguments, start=1)]
    if sys.stdin.isatty():
        raise DataError("no records; give them as arguments, or one a line on stdin")
    lines = sys.stdin.buffer.read().splitlines()
    if not lines:
        raise DataError("stdin is empty; give records as arguments, or one a line on stdin")
    return [parse(vae, f"stdin:{number}", _decoded(number, line)) for number, line in enumerate(lines, start=1)]


def from_file(vae: SeqVAE, path: Path) -> list[Any]:
    """The records of a file that the run's modality can read; bad ones are left out, and named in the log.

    Raises:
        DataError: no such file, an empty one, one of another kind, or more bad records than the run's recipe allows.
    """
    from seqvae.data.rows import Columns, Rejected
    from seqvae.data.sources import reader_for

    if not path.exists():
        raise DataError(f"no such file: {path} (looked for {path.absolute()})")
    settings = vae.recipe.data
    # the recipe's column is that of the data trained on; a file of another kind has columns of its own, or none
    column = settings.column if _ending(path) == _ending(Path(settings.source)) else None
    records: list[Any] = []
    bad: list[Rejected] = []
    for row in reader_for(path, vae.modality)(path, Columns(record=column, guesses=vae.modality.columns)):
        if isinstance(row, Rejected):
            bad.append(row)
        else:
            records.append(row.record)
    _judge(path, len(records), bad, settings.max_rejected)
    return records


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


def _judge(path: Path, good: int, bad: list[Rejected], allowed: float) -> None:
    """Report bad records; raise where there are too many, or no good one."""
    if not good and not bad:
        raise DataError(f"{path} is empty; it needs at least one record")
    if not bad:
        return
    shown = "; ".join(map(str, bad[:5])) + (f"; and {len(bad) - 5:,} more" if len(bad) > 5 else "")
    message = f"{len(bad):,} of {good + len(bad):,} records are bad: {shown}"
    if not good or len(bad) / (good + len(bad)) > allowed:
        raise DataError(f"{message}; mend or remove them")
    log.warning("%s; they are left out", message)


def _decoded(number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"stdin:{number}: not UTF-8 ({line!r:.60})") from error
