from __future__ import annotations

import collections
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy

from seqvae.errors import DataError
from seqvae.modalities.sketch.unpickling import read_arrays


def object_array(items: list) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def npz_of(path: Path, payload: bytes) -> Path:
    """An .npz whose `train` is an object array with this pickle in place of its content."""
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("train.npy", stream.getvalue() + payload)
    return path


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64, ">i2"])
def test_object_arrays_are_read_as_numpy_reads_them(tmp_path: Path, dtype) -> None:
    chance = np.random.default_rng(0)
    drawings = [chance.integers(0, 9, (n, 3)).astype(dtype) for n in (1, 5, 300)]
    np.savez_compressed(tmp_path / "a.npz", train=object_array(drawings), valid=object_array([]), plain=np.arange(6).reshape(2, 3))
    arrays = read_arrays(tmp_path / "a.npz")
    assert set(arrays) == {"train", "valid", "plain"}
    with np.load(tmp_path / "a.npz", allow_pickle=True) as numpys:
        theirs = numpys["train"]
    for mine, original in zip(arrays["train"], theirs, strict=True):
        assert mine.dtype == original.dtype
        np.testing.assert_array_equal(mine, original)
    np.testing.assert_array_equal(arrays["plain"], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("protocol", range(5))
def test_every_pickle_protocol_that_data_sets_were_written_with(tmp_path: Path, protocol: int) -> None:
    array = object_array([np.arange(300, dtype=np.int16).reshape(-1, 3)])
    read = read_arrays(npz_of(tmp_path / "a.npz", pickle.dumps(array, protocol=protocol)))["train"]
    np.testing.assert_array_equal(read[0], array[0])


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (Calls(os.system, "touch PWNED"), "posix.system"),
        (Calls(eval, "open('PWNED', 'w')"), "builtins.eval"),
        (Calls(np.load, "PWNED"), "numpy.load"),
        (object_array([Calls(exec, "open('PWNED', 'w')")]), "builtins.exec"),
        (Calls(collections.OrderedDict), "collections.OrderedDict"),
        (pickle, None),
    ],
)
def test_a_malicious_pickle_is_refused_by_name_and_not_run(tmp_path: Path, monkeypatch, payload, name) -> None:
    monkeypatch.chdir(tmp_path)
    content = b"cnumpy.testing\nrun_module_suite\n." if name is None else pickle.dumps(payload)
    with pytest.raises(
        DataError, match=rf"a.npz holds a pickle in train.npy that calls {name or 'numpy.testing.run_module_suite'}: only"
    ):
        read_arrays(npz_of(tmp_path / "a.npz", content))
    assert not Path("PWNED").exists()


def test_a_pickle_of_persistent_objects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="persistent object '7'"):
        read_arrays(npz_of(tmp_path / "a.npz", b"P7\n."))


def test_an_array_may_not_begin_large(tmp_path: Path) -> None:
    payload = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000000\ntS'b'\ntR."
    with pytest.raises(DataError, match="an array cannot begin with shape"):
        read_arrays(npz_of(tmp_path / "a.npz", payload))


@pytest.mark.parametrize("payload", [b"", b"junk", pickle.dumps(object_array([1, 2, 3]))[:-3]])
def test_damage_is_named(tmp_path: Path, payload: bytes) -> None:
    with pytest.raises(DataError, match=r"a.npz holds no readable array in train.npy"):
        read_arrays(npz_of(tmp_path / "a.npz", payload))
    (tmp_path / "b.npz").write_bytes(b"no zip at all")
    with pytest.raises(DataError, match=r"b.npz is not a readable .npz file"):
        read_arrays(tmp_path / "b.npz")
