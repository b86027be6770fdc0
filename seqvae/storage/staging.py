"""Writing a folder so that it is whole or not there: every file aside first, all moved in at the end, the manifest last."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqvae.errors import RunError
from seqvae.storage.manifest import MANIFEST


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """An empty folder inside `folder`, which is made if need be; gone when the block ends.

    Raises:
        RunError: `folder` is a file, or cannot be written.
    """
    staged = folder / f".partial-{os.getpid()}"
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir(parents=True)
        yield staged
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def move_in(staged: Path, folder: Path) -> None:
    """Put every staged file in its place; between the first and the last the folder has no manifest."""
    (folder / MANIFEST).unlink(missing_ok=True)
    files = [path.relative_to(staged) for path in staged.rglob("*") if path.is_file()]
    for file in sorted(files, key=lambda file: file.name == MANIFEST):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (staged / file).replace(folder / file)
