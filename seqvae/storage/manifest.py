"""manifest.json: the sha256 of every other file of a folder, written last, so that a folder that has one is whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from seqvae.errors import RunError

MANIFEST = "manifest.json"


def write_manifest(folder: Path) -> None:
    """Write the manifest of all files that are in `folder` now."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    digests = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    (folder / MANIFEST).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def verify(folder: Path, remedy: str) -> None:
    """Compare every file with the manifest; files that it does not name are nobody's business.

    Args:
        folder: what `write_manifest` saw.
        remedy: what to do about damage, which ends the message.

    Raises:
        RunError: the manifest or a file is missing, or a file was altered; names it.
    """
    for name, digest in _read(folder, remedy).items():
        path = folder / name
        if not path.is_file():
            raise RunError(f"{path} is missing; {remedy}")
        if sha256(path) != digest:
            raise RunError(f"{path} was altered after it was written (its sha256 is not the manifest's); {remedy}")


def sha256(path: Path) -> str:
    """The hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(folder: Path, remedy: str) -> dict[str, str]:
    path = folder / MANIFEST
    if not path.is_file():
        raise RunError(f"{path} is missing, so {folder} is incomplete; {remedy}")
    try:
        digests = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        digests = None
    if not isinstance(digests, dict):
        raise RunError(f"{path} is damaged; {remedy}")
    return digests
