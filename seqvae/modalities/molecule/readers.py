"""Readers of molecule files: `.smi`, `.sdf`, and the tables that every modality reads, with records as canonical SMILES.

RDKit reads each record once: what came of a file is spooled under the cache, named by the file's content, for the passes to come
and for other tokenizers.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from seqvae.data.cache import cache_root, key_of, sha256_of, write_folder
from seqvae.data.readers import READERS, keyed_row, table_rows, text_lines
from seqvae.data.rows import Columns, Reader, Rejected, Row, open_bytes
from seqvae.errors import DataError, nearest
from seqvae.modalities.molecule.parsing import quiet
from seqvae.modalities.molecule.records import Fragments
from seqvae.modalities.molecule.workers import outcomes

VERSION = 1  # of what a spool holds
HEADER = {"smiles", "canonical_smiles"}
SPOOL = "rows.jsonl"


def read_smi(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.smi`: a SMILES a line, and after white space its name; further fields are columns under a header that names them."""
    lines = ((number, None if line is None else re.split(r"[\t ]+", line.strip())) for number, line in text_lines(path))
    if columns.asked:
        return table_rows(path, lines, columns)
    head = next(lines, None)
    if head is None:
        return iter(())
    body = lines if head[1] is not None and head[1][0].lower() in HEADER else itertools.chain([head], lines)
    return table_rows(path, body, replace(columns, record=0))


def read_sdf(path: Path, columns: Columns) -> Iterator[Row | Rejected]:
    """`.sdf`: structures with data items; `line` is the 1-based number of the structure, columns are the items' names.

    Raises:
        DataError: a column that is asked for is an item of no structure.
    """
    from rdkit import Chem

    asked = [str(column) for column in columns.asked]
    seen: set[str] = set()
    with open_bytes(path) as stream, quiet():
        for number, molecule in enumerate(Chem.ForwardSDMolSupplier(stream), start=1):
            if molecule is None:
                yield Rejected(str(path), number, "RDKit cannot read this structure")
                continue
            items = {name: molecule.GetProp(name) for name in molecule.GetPropNames()}
            seen |= items.keys()
            # the structure itself is the record where no item is asked for: it stands under the column None
            yield keyed_row(path, number, dict.fromkeys(asked) | items | {None: Chem.MolToSmiles(molecule)}, columns)
    missing = [name for name in asked if name not in seen]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}; {nearest(missing[0], seen)}")


class MoleculeReader:
    """Rows of a file with canonical SMILES for records.

    Args:
        read: reads the file itself.
        fragments: see `to_record`.
    """

    def __init__(self, read: Reader, fragments: Fragments) -> None:
        self.read, self.fragments = read, fragments
        # what decides the records beside the file: part of the names of spools and of prepared data
        self.__qualname__ = key_of([VERSION, importlib.metadata.version("rdkit"), read.__qualname__, fragments])

    def __call__(self, path: Path, columns: Columns) -> Iterator[Row | Rejected]:
        """Everything in the file. Errors as the reader's own."""
        name = key_of([self.__qualname__, sha256_of(path), columns.asked, columns.label, columns.guesses])
        folder = cache_root() / "molecules" / name
        if not (folder / SPOOL).is_file():
            write_folder(folder, lambda place: self._spool(path, columns, place / SPOOL))
        with open(folder / SPOOL, encoding="utf-8") as lines:
            yield from (_row(str(path), *json.loads(line)) for line in lines)

    def _spool(self, path: Path, columns: Columns, spool: Path) -> None:
        with open(spool, "w", encoding="utf-8") as stream:
            for row in self._canonical(path, columns):
                kept = (
                    [row.line, row.reason] if isinstance(row, Rejected) else [row.line, None, row.record, row.label, row.properties]
                )
                stream.write(json.dumps(kept) + "\n")

    def _canonical(self, path: Path, columns: Columns) -> Iterator[Row | Rejected]:
        """The file's rows, records made canonical in several processes."""
        rows, again = itertools.tee(self.read(path, columns))  # the two never drift apart by more than the chunks in flight
        texts = (row.record for row in again if isinstance(row, Row))
        found = outcomes(texts, self.fragments)
        for row in rows:
            if isinstance(row, Rejected):
                yield row
                continue
            record, reason = next(found)
            yield Rejected(row.file, row.line, reason) if record is None else row._replace(record=record)


def _row(
    file: str, line: int, reason: str | None, record: str = "", label: int | None = None, properties: list[float] | None = None
) -> Row | Rejected:
    return Row(record, file, line, label, tuple(properties or ())) if reason is None else Rejected(file, line, reason)


def molecule_readers(fragments: Fragments) -> Mapping[str, Reader]:
    """A reader for each file suffix."""
    plain = {**READERS, ".smi": read_smi, ".smiles": read_smi, ".sdf": read_sdf}
    return {suffix: MoleculeReader(read, fragments) for suffix, read in plain.items()}
