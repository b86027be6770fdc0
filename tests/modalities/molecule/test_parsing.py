from __future__ import annotations

import pytest

from seqvae.modalities.molecule.parsing import canonical, parse


@pytest.mark.parametrize("text", ["", " ", "C1CC", "c1cccc1", "C(C)(C)(C)(C)C", "CC)", "[Xx]", "C\0C", "hello", "日本", "x" * 5000])
def test_what_is_no_molecule_is_none_and_says_nothing(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert parse(text) is None
    assert canonical(text) is None
    assert capfd.readouterr().err == ""


def test_canonical_keeps_stereo_and_is_the_same_for_every_spelling() -> None:
    assert canonical("OCC") == canonical("C(O)C") == "CCO"
    left, right = canonical("C[C@H](N)O"), canonical("C[C@@H](N)O")
    assert left != right
    assert "@" in str(left)
    assert canonical("F/C=C/F") != canonical("F/C=C\\F")


def test_a_thousand_atoms() -> None:
    assert canonical("C" * 1000) == "C" * 1000
