from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqvae.data.store import SequenceStore, StoreWriter
from seqvae.errors import DataError
from seqvae.steps import StepSpec

TOKENS = StepSpec(size=100, pad=7)
STROKES = StepSpec(size=3, discrete=False, start=(0.0, 0.0, 1.0))


def write(folder: Path, sequences: list[np.ndarray], spec: StepSpec = TOKENS, chunk: int = 2) -> SequenceStore:
    with StoreWriter(folder, spec) as writer:
        for i in range(0, len(sequences), chunk):
            part = sequences[i : i + chunk]
            writer.append(part, units=[len(s) - 1 for s in part], lines=range(i + 1, i + 1 + len(part)))
    return SequenceStore(folder)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=9), min_size=1, max_size=12), st.integers(1, 5))
def test_gives_back_what_was_written(tmp_path: Path, lists: list[list[int]], chunk: int) -> None:
    store = write(tmp_path / "s", [np.array(x, np.int32) for x in lists], chunk=chunk)
    assert len(store) == len(lists)
    assert [row.tolist() for row in (store[i] for i in range(len(store)))] == lists
    assert store.lengths.tolist() == [len(x) for x in lists]
    assert store.units.tolist() == [len(x) - 1 for x in lists]
    assert store.lines.tolist() == list(range(1, len(lists) + 1))
    assert store[-1].tolist() == lists[-1]


def test_what_the_encoder_reads_stands_beside_what_the_decoder_writes(tmp_path: Path) -> None:
    """Two tokenizers: other ids, other lengths, another padding; the same rows."""
    with StoreWriter(tmp_path, TOKENS, source=StepSpec(size=50, pad=9)) as writer:
        for written, read in (([1, 2], [11]), ([3], [12, 13, 14])):
            writer.append([np.array(written, np.int32)], units=[1], lines=[1], source=[np.array(read, np.int32)])
    store = SequenceStore(tmp_path)
    batch = store.batch([1, 0])
    assert batch.inputs.tolist() == [[3, 7], [1, 2]]
    assert batch.encoder_view.inputs.tolist() == [[12, 13, 14], [11, 9, 9]]
    assert batch.encoder_view.lengths.tolist() == [3, 1]
    assert store.longest == 3


def test_a_batch_is_padded_on_the_right_with_the_pad_id(tmp_path: Path) -> None:
    store = write(tmp_path, [np.array(x, np.int32) for x in ([1, 2], [3], [4, 5, 6])])
    batch = store.batch([2, 1, 2])
    assert batch.inputs.dtype == torch.int64
    assert batch.inputs.tolist() == [[4, 5, 6], [3, 7, 7], [4, 5, 6]]
    assert batch.lengths.tolist() == [3, 1, 3]
    assert batch.index is not None
    assert batch.index.tolist() == [2, 1, 2]
    assert batch.labels is None
    assert batch.properties is None


def test_vectors_are_padded_with_zeros(tmp_path: Path) -> None:
    drawings = [np.arange(6, dtype=np.float32).reshape(2, 3), np.full((1, 3), 0.5, np.float32)]
    store = write(tmp_path, drawings, STROKES)
    batch = store.batch(np.array([0, 1]))
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.tolist() == [[[0, 1, 2], [3, 4, 5]], [[0.5, 0.5, 0.5], [0, 0, 0]]]
    assert store.spec == STROKES


def test_labels_and_properties_follow_their_records(tmp_path: Path) -> None:
    sequences = [np.array([i], np.int32) for i in range(3)]
    with StoreWriter(tmp_path, TOKENS, labels=True, properties=("p", "q")) as writer:
        writer.append(sequences, [1] * 3, [1, 2, 3], labels=[5, -1, 0], properties=[(0.5, 1.0), (2.0, float("nan")), (3.0, 4.0)])
    batch = SequenceStore(tmp_path).batch([2, 1])
    assert batch.labels is not None
    assert batch.labels.tolist() == [0, -1]
    assert batch.properties is not None
    assert batch.properties[0].tolist() == [3.0, 4.0]
    assert batch.properties[1, 1].isnan()
    assert SequenceStore(tmp_path).property_names == ("p", "q")
    assert SequenceStore(tmp_path).label_tensor.tolist() == [5, -1, 0]  # type: ignore[union-attr]


def test_the_files_are_plain_numpy_arrays_without_pickle(tmp_path: Path) -> None:
    write(tmp_path, [np.array([1, 2], np.int32), np.array([3], np.int32)])
    assert np.load(tmp_path / "values.npy", allow_pickle=False).tolist() == [1, 2, 3]
    assert np.load(tmp_path / "offsets.npy", allow_pickle=False).tolist() == [0, 2, 3]
    assert json.loads((tmp_path / "meta.json").read_text())["count"] == 2


def test_sequences_stay_on_disk(tmp_path: Path) -> None:
    assert isinstance(write(tmp_path, [np.array([1], np.int32)]).values, np.memmap)


def test_a_folder_that_is_no_store_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no prepared data"):
        SequenceStore(tmp_path)


@pytest.mark.parametrize("name", ["values", "offsets", "units"])
def test_a_damaged_store_says_so(tmp_path: Path, name: str) -> None:
    write(tmp_path, [np.arange(50, dtype=np.int32)] * 20)
    path = tmp_path / f"{name}.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match="damaged"):
        SequenceStore(tmp_path)


def test_a_store_of_a_later_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [np.array([1], np.int32)])
    meta = json.loads((tmp_path / "meta.json").read_text())
    (tmp_path / "meta.json").write_text(json.dumps({**meta, "format": 99}))
    with pytest.raises(DataError, match="format 99, this version reads 2"):
        SequenceStore(tmp_path)
