from __future__ import annotations

import numpy as np
import pytest

from seqvae.modalities.molecule.similarity import tanimoto


def test_the_same_molecule_however_written_is_all_alike() -> None:
    np.testing.assert_array_equal(tanimoto(["CCO", "c1ccccc1"], ["OCC", "C1=CC=CC=C1"]), [1.0, 1.0])


def test_by_hand() -> None:
    """Ethane has CH3 twice and once its only bond; propane CH3 twice, CH2, and with bonds the former twice, the latter once."""
    assert tanimoto(["CC"], ["CCC"])[0] == pytest.approx(2 / (3 + 6 - 2))
    assert tanimoto(["CC"], ["O"])[0] == 0


def test_as_the_function_that_jtvae_called() -> None:
    from rdkit.Chem import AllChem, MolFromSmiles
    from rdkit.DataStructs import TanimotoSimilarity

    a = ["CCCCCC", "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C"]
    b = ["CCCCCCCC", "CC(=O)Nc1ccc(O)cc1", "Cn1c(=O)c2[nH]cnc2n(C)c1=O"]
    legacy = [
        TanimotoSimilarity(*(AllChem.GetMorganFingerprint(MolFromSmiles(one), 2) for one in pair))  # type: ignore[attr-defined]
        for pair in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(tanimoto(a, b), legacy, rtol=1e-12)


def test_what_is_no_molecule_has_no_similarity_and_pairs_must_match() -> None:
    assert np.isnan(tanimoto(["CC", "(("], ["((", "CC"])).all()
    assert tanimoto([], []).shape == (0,)
    with pytest.raises(ValueError, match="zip"):
        tanimoto(["C"], [])
