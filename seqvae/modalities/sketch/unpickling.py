"""Arrays out of `.npz` files that hold pickles, with nothing in them run.

Sketch-rnn's data sets are object arrays, that is, pickles, and a pickle may call anything. The unpickler here knows the three
callables by which numpy puts an array back together, and a fourth by which old pickles spell bytes; whatever else a pickle names
is refused by that name before it is looked up.
"""

from __future__ import annotations

import pickle
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from seqvae.errors import DataError

BROKEN = (pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, MemoryError, ImportError)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an `.npz`, by name; arrays of arrays come as object arrays.

    Raises:
        DataError: the file is damaged, or holds anything but arrays of numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name.removesuffix(".npy"): _read(archive, path, name) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is not a readable .npz file: {error}") from error


def _read(archive: zipfile.ZipFile, path: Path, name: str) -> np.ndarray:
    with archive.open(name) as stream:
        try:
            shape, dtype = _header(stream)
            if not dtype.hasobject:
                with archive.open(name) as again:
                    return npy.read_array(again, allow_pickle=False)
            array = np.asarray(_ArrayUnpickler(stream, encoding="latin1").load(), dtype=object)
            return array.reshape(shape)
        except _RefusedError as refused:
            raise DataError(
                f"{path} holds a pickle in {name} that calls {refused}: only arrays of numbers are admitted; nothing of it was run"
            ) from None
        except BROKEN as error:
            raise DataError(f"{path} holds no readable array in {name}: {type(error).__name__} {error}") from error


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(stream)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


class _RefusedError(Exception):
    """The pickle names something that is not admitted."""


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler of numpy arrays, and of nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """One of the admitted callables, by the names under which different numpys have pickled it."""
        if (module, name) not in ADMITTED:
            raise _RefusedError(f"{module}.{name}")
        return ADMITTED[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Nothing is ever loaded from elsewhere."""
        raise _RefusedError(f"persistent object {pid!r:.40}")


def _empty_array(kind: type, shape: tuple[int, ...], code: Any) -> np.ndarray:
    """The empty array that numpy pickles begin with; its content follows."""
    if kind is not np.ndarray or tuple(shape) != (0,):
        raise pickle.UnpicklingError(f"an array cannot begin with shape {shape!r:.40}")
    return np.ndarray((0,), dtype=code)


def _bytes_of(text: str, encoding: str) -> bytes:
    """Bytes, as protocols before 3 spell them."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in {encoding!r:.40}")
    return text.encode("latin1")


ADMITTED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _bytes_of,
}
