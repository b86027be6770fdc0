from __future__ import annotations

import re
from dataclasses import asdict
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from seqvae.cli.report.ink import THEMED, to_svg


@pytest.fixture
def figure():
    figure = Figure()
    axes = figure.add_subplot()
    for x, colour in enumerate(asdict(THEMED).values()):
        axes.plot([x, x + 1], [0, 1], color=colour)
    axes.scatter([0, 1], [1, 0], color=THEMED.first)
    axes.set_title("a < b & c", color=THEMED.text)
    return figure


def test_every_colour_becomes_a_variable(figure):
    svg = to_svg(figure, "a")
    for name, placeholder in asdict(THEMED).items():
        assert f"var(--{name})" in svg
        assert placeholder not in svg


def test_it_is_one_element_without_a_size_that_an_xml_parser_takes(figure):
    root = ElementTree.fromstring(to_svg(figure, "a"))
    assert root.tag.endswith("svg")
    assert "width" not in root.attrib
    assert len(root.attrib["viewBox"].split()) == 4


def test_words_are_words(figure):
    words = [element.text for element in ElementTree.fromstring(to_svg(figure, "a")).iter() if element.tag.endswith("text")]
    assert "a < b & c" in words


def test_two_figures_share_no_id_and_every_reference_is_met(figure):
    one, other = to_svg(figure, "one"), to_svg(figure, "other")
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (one, other)]
    assert not ids[0] & ids[1]
    for svg, own in zip((one, other), ids, strict=True):
        used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
        assert used
        assert {a or b for a, b in used} <= own
