from __future__ import annotations

from xml.etree import ElementTree

import pytest

from seqvae.modalities.molecule.drawing import grid, svg


def elements(text: str) -> list[str]:
    return [element.tag.rpartition("}")[2] for element in ElementTree.fromstring(text).iter()]


def test_a_structure_is_an_svg_element_with_its_bonds() -> None:
    assert elements(svg("CCO"))[0] == "svg"
    assert elements(svg("C1CCCCC1")).count("path") >= 6
    assert "<?xml" not in svg("CCO")


@pytest.mark.parametrize(("text", "shown"), [("C1CC<b>", "C1CC&lt;b&gt;"), ("", "(empty)")])
def test_what_is_no_molecule_is_shown_as_text(text: str, shown: str) -> None:
    assert svg(text) == f"<code>{shown}</code>"


def test_a_grid_has_a_place_for_each() -> None:
    drawn = grid(["CCO", "((", "c1ccccc1"], columns=2)
    root = ElementTree.fromstring(drawn)
    assert root.attrib["width"] == "440px"
    assert root.attrib["height"] == "320px"
    assert elements(grid(["C"], columns=4)) != []
