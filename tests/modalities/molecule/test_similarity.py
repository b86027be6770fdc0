from __future__ import annotations

import numpy as np
import pytest

from seqvae.modalities.molecule.similarity import tanimoto


def test_the_same_molecule_however_written_is_all_alike() -> None:
    np.testing.assert_array_equal(tanimoto(["CCO", "c1ccccc1"], ["OCC", "C1=CC=CC=C1"]), [1.0, 1.0])


def test_by_hand() -> None:
    """Ethane has two environments (CH3, alone and with its bond), propane four (CH3, CH2, both with bonds); CH3 is common."""
    assert tanimoto(["CC"], ["CCC"])[0] == pytest.approx(1 / 5)
    assert tanimoto(["CC"], ["O"])[0] == 0


def test_what_is_no_molecule_has_no_similarity_and_pairs_must_match() -> None:
    assert np.isnan(tanimoto(["CC", "(("], ["((", "CC"])).all()
    assert tanimoto([], []).shape == (0,)
    with pytest.raises(ValueError, match="zip"):
        tanimoto(["C"], [])
