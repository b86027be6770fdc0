from __future__ import annotations

import pytest

from seqvae.errors import DataError
from seqvae.modalities.molecule.records import to_record


@pytest.mark.parametrize(("text", "record"), [("OCC", "CCO"), (" C1=CC=CC=C1 ", "c1ccccc1"), ("[Te]", "[Te]"), ("*CC", "*CC")])
def test_a_molecule_is_its_canonical_smiles(text: str, record: str) -> None:
    assert to_record(text) == record


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty string has no atoms"),
        ("C1CC", "'C1CC' is no SMILES"),
        ("hello", "'hello' is no SMILES"),
        ("CC(C)(C)(C)C", "is no molecule: .*[Vv]alence"),
        ("c1cccc1", "is no molecule: .*kekulize"),
        ("CCO ethanol", "'CCO ethanol' holds white space"),
        ("[Na+].[Cl-].CC", r"3 fragments \(CC.\[Cl-\].\[Na\+\]\); give one molecule, or modality.fragments=largest"),
        ("C" * 300 + "(", "C' is no SMILES|C+ is no SMILES"),
    ],
)
def test_what_is_no_molecule_says_why(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        to_record(text)
    assert len(str(caught.value)) < 220
    assert "\n" not in str(caught.value)


def test_the_largest_fragment_by_heavy_atoms() -> None:
    assert to_record("[Na+].CC(=O)[O-]", "largest") == "CC(=O)[O-]"
    assert to_record("CCO", "largest") == "CCO"
    assert to_record("CCN.CCO", "largest") == to_record("CCO.CCN", "largest") == "CCO"  # equally large: by spelling


def test_a_thousand_atoms_and_an_exotic_element() -> None:
    assert to_record("C" * 1000) == "C" * 1000
    assert to_record("O=[Og]") == "[O]=[Og]"
