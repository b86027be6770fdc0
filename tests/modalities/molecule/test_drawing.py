from __future__ import annotations

from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from seqvae.modalities.molecule.drawing import grid, paint, svg


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
    tiles = [("CCO", "ethanol"), ("((", "nothing"), ("c1ccccc1", "benzene")]
    root = ElementTree.fromstring(grid(tiles, 2, ".svg"))
    assert root.attrib["width"] == "440px"
    assert root.attrib["height"] == "320px"
    assert grid(tiles, 3, ".png").startswith(b"\x89PNG")


def test_a_structure_on_axes() -> None:
    figure = Figure()
    drawn, written = figure.subplots(1, 2)
    paint(drawn, "CCO")
    paint(written, "((")
    (image,) = drawn.get_images()
    assert image.get_array().std() > 0
    assert [text.get_text() for text in written.texts] == ["(("]
