from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seqvae.modalities.sketch import glyphs

FONTS = glyphs.fonts()


def every(character: str) -> bool:
    return True


@pytest.fixture
def one_font(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The smallest of the fonts alone: the whole set is built by the demonstration."""
    font = next(font for font in glyphs.fonts() if font.name == "DejaVuSansDisplay.ttf")
    monkeypatch.setattr(glyphs, "fonts", lambda: [font])
    return font


def test_there_are_more_than_forty_thousand_characters() -> None:
    from matplotlib.ft2font import FT2Font

    assert sum(len(FT2Font(str(font)).get_charmap()) for font in glyphs.fonts()) > 41_000


def test_drawings_differ_and_fit_their_square(one_font: Path) -> None:
    rows = [json.loads(line) for line in glyphs.drawings(every)]
    assert len(rows) > 40
    assert len({json.dumps(row["drawing"]) for row in rows}) == len(rows)
    for row in rows:
        points = np.concatenate([np.array(line).T for line in row["drawing"]])
        assert points.min(axis=0).tolist() == [0, 0]
        assert 80 <= points.max() <= 101  # the box of a curve's control points is a little larger than the curve's
        assert len(points) <= glyphs.LONGEST


def test_letters_stand_upright() -> None:
    """A T has its bar at the top, which is where y is small."""
    font = next(font for font in glyphs.fonts() if font.name == "DejaVuSans.ttf")
    points = np.concatenate(next(lines for character, lines in glyphs.outlines(font, every) if character == "T"))
    assert np.ptp(points[points[:, 1] < 15, 0]) > 70
    assert np.ptp(points[points[:, 1] > 90, 0]) < 30


def test_curves_are_straightened_closely() -> None:
    """The quadratic curve with ends (0, 0), (2, 0) and control (1, 1) is y = x - x^2 / 2."""
    (line,) = glyphs.fitted_contours(np.array([[0, 0], [1, 1], [2, 0], [0, 0]], float), np.array([1, 3, 3, 79]))
    x, y = (line * 2 / glyphs.SIDE).T
    np.testing.assert_allclose(y.max() - y, x - x**2 / 2, atol=0.04)  # y downwards
    assert len(line) == 4 + 2  # bend 100: cut into sqrt(100 / (4 * 2)), 3.5; the start, and the way back to it


@pytest.mark.parametrize(
    ("character", "base"), [("7", "7"), ("a", "a"), ("É", "E"), ("\N{MATHEMATICAL BOLD SMALL Z}", "z"), ("ﬁ", "f"), ("①", "1")]
)
def test_labels_are_the_letter_that_a_sign_comes_from(character: str, base: str) -> None:
    assert glyphs.class_of(character) == base


@pytest.mark.parametrize("character", ["Ω", "+", "☃", "\u0301"])
def test_other_signs_are_a_class_of_their_own(character: str) -> None:
    assert glyphs.class_of(character) == "other"


@pytest.mark.parametrize(
    ("character", "letter"),
    [("g", True), ("7", True), ("\N{MATHEMATICAL BOLD SMALL Z}", True), ("É", False), ("①", False), ("ª", False), ("+", False)],
)
def test_letters_have_no_accents(character: str, letter: bool) -> None:
    assert glyphs.is_letter(character) is letter


def test_letters_are_of_62_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "fonts", lambda: [font for font in FONTS if font.name == "DejaVuSerif.ttf"])
    rows = [json.loads(line) for line in glyphs.build_letters(tmp_path).read_text().splitlines()]
    assert {row["class"] for row in rows} == set(glyphs.CLASSES)


def test_the_file_is_made_once(one_font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = glyphs.build(tmp_path)
    monkeypatch.setattr(glyphs, "drawings", lambda admitted: pytest.fail("made twice"))
    assert glyphs.build(tmp_path) == first
    assert len(list(tmp_path.iterdir())) == 1
