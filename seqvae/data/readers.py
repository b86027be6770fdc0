"""Readers for the file formats that any modality may use: lines, tables, json, parquet.

Each streams in constant memory and yields a `Row` or a `Rejected` for everything it meets.

**Policy.** Files are UTF-8; a byte order mark is dropped; lines end in LF or CRLF. A record that is a line of its own (`.txt`)
loses its surrounding white space, which is never part of a sentence there (PTB pads every line with blanks). A value out of a
`.csv`, `.tsv`, `.jsonl` or `.parquet` file is kept as it is. A record of nothing but white space is blank, and rejected.
Any of these files may be gzipped (`.csv.gz`), parquet excepted.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqvae.data.rows import Columns, Reader, Rejected, Row, open_bytes
from seqvae.errors import DataError, nearest

NOT_UTF8 = "not UTF-8"
BLANK = "blank"
PARQUET_ROWS = 4096  # rows decoded at a time
WHOLE = re.compile(r"[-+]?[0-9]+")


def read_lines(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.txt`: one record a line."""
    if columns.asked:
        raise DataError(
            f"{path} is plain lines and has no columns, but {columns.asked[0]!r} was asked for; drop data.column and data.label"
        )
    for number, line in text_lines(path):
        if line is None:
            yield Rejected(str(path), number, NOT_UTF8)
        elif text := line.strip():
            yield Row(text, str(path), number)
        else:
            yield Rejected(str(path), number, BLANK)


def read_tsv(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.tsv`: fields between tabs, nothing quoted, so that a lone quotation mark is just one."""
    fields = ((number, None if line is None else line.split("\t")) for number, line in text_lines(path))
    return table_rows(path, fields, columns)


def read_csv(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.csv`: fields between commas, `"quoted"` where they hold commas or line breaks."""
    return table_rows(path, _csv_fields(path), columns)


def read_jsonl(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.jsonl`: one json object a line (or, with no column asked for, one json string)."""
    keys: Columns | None = None
    for number, line in text_lines(path):
        if line is None or not line.strip():
            yield Rejected(str(path), number, NOT_UTF8 if line is None else BLANK)
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Rejected(str(path), number, f"malformed json: {error}")
            continue
        if isinstance(value, dict):
            keys = keys or (columns if columns.record is not None else resolved(path, list(value), columns))
            yield keyed_row(path, number, value, keys)
        elif isinstance(value, str) and not columns.asked:
            yield checked_row(path, number, value)
        else:
            yield Rejected(str(path), number, f"expected a json object, got {type(value).__name__}")


def read_parquet(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.parquet`: `line` is the 1-based row."""
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(path)
        keys = resolved(path, file.schema_arrow.names, columns)
        number = 0
        for chunk in file.iter_batches(batch_size=PARQUET_ROWS, columns=list(keys.asked)):
            for value in chunk.to_pylist():
                number += 1
                yield keyed_row(path, number, value, keys)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable parquet file: {str(error).splitlines()[0]}") from error


READERS: dict[str, Reader] = {
    ".txt": read_lines,
    ".tsv": read_tsv,
    ".csv": read_csv,
    ".jsonl": read_jsonl,
    ".parquet": read_parquet,
}


def text_lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """1-based line numbers and lines without their ends; None for a line that is not UTF-8. The final newline begins no line.

    Raises:
        DataError: the file is UTF-16, which no line of it would survive.
    """
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, start=1):
            if number == 1:
                raw = _without_mark(path, raw)
            raw = raw.removesuffix(b"\n").removesuffix(b"\r")
            try:
                yield number, raw.decode("utf-8")
            except UnicodeDecodeError:
                yield number, None


def checked_row(
    path: Path, number: int, value: Any, label: str | int | None = None, properties: tuple[float, ...] = ()
) -> Row | Rejected:
    """A row out of a value that ought to be text."""
    if value is None:
        return Rejected(str(path), number, "missing value")
    if not isinstance(value, str):
        return Rejected(str(path), number, f"expected text, got {type(value).__name__} {value!r:.40}")
    if not value.strip():
        return Rejected(str(path), number, BLANK)
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        return Rejected(str(path), number, NOT_UTF8)
    return Row(value, str(path), number, label, properties)


def keyed_row(path: Path, number: int, value: Any, keys: Columns) -> Row | Rejected:
    """A row out of a table's row (a list or a mapping), whose items `keys` names."""
    try:
        record = value[keys.record]
        label = None if keys.label is None else _label(value[keys.label])
        properties = tuple(_number(value[key]) for key in keys.properties)
    except KeyError as error:
        return Rejected(str(path), number, f"missing column {error.args[0]!r}; it has {_shown(list(value))}")
    except IndexError:
        return Rejected(str(path), number, f"missing column; it has only {len(value)}")
    except ValueError as error:
        return Rejected(str(path), number, str(error))
    return checked_row(path, number, record, label, properties)


def table_rows(path: Path, rows: Iterator[tuple[int, list[str] | None]], columns: Columns) -> Iterator[Row | Rejected]:
    """Rows of strings. The first is a header if a column is asked for by name, or if it names the record."""
    keys: Columns | None = None
    for number, fields in rows:
        if fields is None:
            yield Rejected(str(path), number, NOT_UTF8)
        elif not any(field.strip() for field in fields):
            yield Rejected(str(path), number, BLANK)
        elif keys is not None:
            yield keyed_row(path, number, fields, keys)
        elif _is_header(fields, columns):
            keys = resolved(path, fields, columns, numbered=True)
        else:
            keys = resolved(path, range(len(fields)), columns)
            yield keyed_row(path, number, fields, keys)


def _is_header(fields: list[str], columns: Columns) -> bool:
    named = any(isinstance(column, str) for column in columns.asked)
    return named or (columns.record is None and any(field in columns.guesses for field in fields))


def resolved(path: Path, names: Sequence[str] | range, columns: Columns, numbered: bool = False) -> Columns:
    """`columns` as keys into a row: names (or their positions, where rows are `numbered` lists under a header).

    Raises:
        DataError: a column is not among `names`, or none was asked for and there is no telling which holds the record.
    """

    def key(column: str | int) -> str | int:
        if column not in names if isinstance(column, str) else not 0 <= column < len(names):
            raise DataError(f"{path} has no column {column!r}; {nearest(str(column), map(str, names))}")
        if numbered and isinstance(column, str):
            return names.index(column)  # type: ignore[arg-type]  # names are str here
        return names[column] if isinstance(column, int) and not numbered else column

    record = columns.record if columns.record is not None else _guess(path, names, columns.guesses)
    label = None if columns.label is None else key(columns.label)
    return Columns(key(record), label, tuple(key(column) for column in columns.properties))


def _guess(path: Path, names: Sequence[str] | range, guesses: tuple[str, ...]) -> str | int:
    found = [guess for guess in guesses if guess in names]
    if found or len(names) == 1:
        return found[0] if found else names[0]
    seen = f"{len(names)} columns and no header that names one" if isinstance(names, range) else _shown(names)
    raise DataError(f"{path}: which column holds the record? It has {seen}; say data.column=NAME, or data.column=0 for the first")


def _shown(names: Sequence[Any]) -> str:
    return ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")


def _csv_fields(path: Path) -> Iterator[tuple[int, list[str] | None]]:
    """Line numbers and fields of a csv file; None where the bytes are not UTF-8."""
    with open_bytes(path) as raw:
        head = raw.read(4)
        raw.seek(len(head) - len(_without_mark(path, head)))
        # undecodable bytes become lone surrogates, which spoils one row and not the whole stream
        text = io.TextIOWrapper(raw, "utf-8", errors="surrogateescape", newline="")
        rows = csv.reader(text)
        while True:
            number = rows.line_num + 1
            try:
                fields = next(rows, None)
            except csv.Error as error:
                raise DataError(f"{path}:{number}: malformed csv: {error}; is a quotation mark left open?") from error
            if fields is None:
                return
            spoilt = any("\ud800" <= c <= "\udfff" for field in fields if not field.isascii() for c in field)
            yield number, None if spoilt else fields


def _without_mark(path: Path, head: bytes) -> bytes:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is UTF-16; convert it: iconv -f UTF-16 -t UTF-8 {path.name} > utf8-{path.name}")
    return head.removeprefix(codecs.BOM_UTF8)


def _label(value: Any) -> str | int | None:
    """A class label: a whole number, or a name; None where it is empty."""
    text = "" if value is None or value != value else str(value).strip()  # through text, so that True and 1.0 are no numbers
    return int(text) if WHOLE.fullmatch(text) else text or None


def _number(value: Any) -> float:
    """A property; NaN where it is empty."""
    if value is None or value == "":
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"bad property {value!r:.40}, expected a number") from None
