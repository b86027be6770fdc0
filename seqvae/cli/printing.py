"""How results leave a command: records one a line, one JSON object, or a file.

A plain file named by `--out` is replaced if it exists, as by a shell's `>`, and is whole or not there at all.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import typer

from seqvae.errors import RunError

BAR = 24  # characters of the longest bar


def print_json(result: Mapping[str, Any]) -> None:
    """One JSON object on stdout; a number that is not finite, which JSON has no word for, becomes null."""
    typer.echo(json.dumps(_finite(result), ensure_ascii=False, allow_nan=False))


def give_records(
    records: Sequence[Any],
    *,
    as_json: bool,
    out: Path | None,
    inputs: Sequence[Any] | None = None,
    beside: Mapping[str, Sequence[float]] | None = None,
    picture: bytes | None = None,
) -> None:
    """Print or write records that are JSON values already.

    Args:
        records: what was generated.
        as_json: print `{"records": [...]}`, with `inputs` first where there are some.
        out: a file that gets the records, one a line, or the picture.
        inputs: printed above their records.
        beside: by name, a number for each record: columns before it, and lists of the JSON object.
        picture: what `out` gets instead of lines.

    Raises:
        RunError: `out` cannot be written.
    """
    if out is not None:
        lines = (f"{_line(record)}\n".encode() for record in records)
        write_file(out, lambda stream: stream.writelines(lines if picture is None else [picture]))
    if as_json:
        lists = {name: list(numbers) for name, numbers in (beside or {}).items()}
        print_json({**({} if inputs is None else {"inputs": list(inputs)}), "records": list(records), **lists})
    elif out is not None:
        typer.echo(f"wrote {len(records)} records to {out}")
    elif beside:
        for record, *numbers in zip(records, *beside.values(), strict=True):
            typer.echo("  ".join([*(f"{number:.4f}" for number in numbers), _line(record)]))
    elif inputs is not None:
        typer.echo("\n\n".join(f"{_line(given)}\n{_line(record)}" for given, record in zip(inputs, records, strict=True)))
    else:
        for record in records:
            typer.echo(_line(record))


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """A line a metric, in columns: name, value, unit and meaning."""
    from seqvae.evaluation.card import table

    rows = table(metrics)
    name, value = (max(len(row[column]) for row in rows) for column in range(2))
    return [f"{row.name:<{name}}  {row.value:>{value}}  {row.unit}: {row.meaning}".replace("  : ", "  ") for row in rows]


def bars(numbers: Mapping[str, float]) -> list[str]:
    """A line and a bar for each number, the largest first."""
    most = max([*numbers.values(), 1e-9])
    width = max([5, *map(len, numbers)])
    ranked = sorted(numbers.items(), key=lambda item: -item[1])
    return [f"{name:>{width}}  {number:7.3f}  {'#' * round(BAR * number / most)}".rstrip() for name, number in ranked]


def write_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a plain file under a temporary name beside it, then rename it there.

    Raises:
        RunError: the place is a folder, is not there, or cannot be written.
    """
    if path.is_dir():
        raise RunError(f"{path} is a folder; name a file in it, such as {path / 'out'}")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}; name another place") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
        Path(name).chmod(0o666 & ~_umask())  # mkstemp makes a private file
        os.replace(name, path)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}; name another place") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _line(record: Any) -> str:
    """One line of text for a JSON value: a string as it is, anything else as JSON."""
    return " ".join(record.splitlines()) if isinstance(record, str) else json.dumps(record, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # numpy's and torch's numbers
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
