"""Where prepared data lives, and how a folder comes to be there whole or not at all.

`SEQVAE_CACHE` names the place, else `~/.cache/seqvae`. A folder is written under a temporary name and renamed when it is
complete, so a killed run leaves no half of one and several processes may prepare the same data at once: the first rename wins.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqvae.errors import DataError

CHUNK = 1 << 20


def cache_root() -> Path:
    """The cache folder: `SEQVAE_CACHE`, else `~/.cache/seqvae`. It may not exist yet."""
    named = os.environ.get("SEQVAE_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "seqvae"


def sha256_of(path: Path) -> str:
    """The hex sha256 of a file's bytes, or of a folder's file names and bytes; reads in constant memory."""
    digest = hashlib.sha256()
    if path.is_dir():
        for member in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{member.relative_to(path).as_posix()}\0{sha256_of(member)}\n".encode())
        return digest.hexdigest()
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def key_of(value: Any) -> str:
    """A 24-digit name for a json-able value: equal values, equal names."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def write_folder(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Create `folder` by calling `fill` on an empty temporary folder and renaming that.

    Where another process was first, its folder stays and ours is dropped: both hold the same. A failure leaves nothing behind.

    Raises:
        DataError: the place cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise DataError(
            f"cannot write prepared data under {folder.parent}: {error.strerror}; name another place with SEQVAE_CACHE"
        ) from error
    try:
        fill(temporary)
        temporary.chmod(0o777 & ~_umask())
        _rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _rename(temporary: Path, folder: Path) -> None:
    try:
        os.rename(temporary, folder)
    except OSError:
        if not folder.is_dir():
            raise


def _umask() -> int:
    # mkdtemp makes a private folder; a shared cache needs the mode that an ordinary mkdir would have given it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
