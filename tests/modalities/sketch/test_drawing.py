from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from seqvae.modalities.sketch import drawing as drawings
from seqvae.modalities.sketch.modality import SketchModality

SKETCH = SketchModality()
NOTHING = np.zeros((0, 3), np.float32)
DOT = np.array([[7, 7, 1]], np.float32)


def numbers(data: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", data)]


def test_a_drawing_fills_its_tile_and_keeps_its_shape() -> None:
    wide = np.array([[100, 0, 0], [40, 0, 0], [0, 10, 1], [-20, -5, 1]], np.float32)
    lines = drawings.fitted(wide, 120, 10)
    points = np.concatenate(lines)
    assert points[:, 0].min() == pytest.approx(10)
    assert points[:, 0].max() == pytest.approx(110)
    np.testing.assert_allclose(np.diff(points, axis=0), wide[1:, :2] * 2.5)
    np.testing.assert_allclose((points.min(axis=0) + points.max(axis=0)) / 2, 60)


@pytest.mark.parametrize("count", [1, 3, 8, 9, 17])
def test_tiles_never_overlap(drawing, count: int) -> None:
    for number in range(count):
        tiles = [(drawing(6) if place == number else NOTHING, "c") for place in range(count)]
        points = np.concatenate(drawings.lay_out(tiles, 8).lines)
        column, row = number % 8, number // 8
        low = np.array([column * drawings.TILE, row * (drawings.TILE + drawings.CAPTION)])
        assert (points >= low).all()
        assert (points <= low + drawings.TILE).all()


def test_svg_is_wellformed_and_holds_every_line_and_caption(drawing) -> None:
    tiles = [(drawing(9), "a < b & c"), (DOT, ""), (NOTHING, "empty")]
    root = ElementTree.fromstring(SKETCH.picture(tiles, 8, ".svg"))
    space = {"s": "http://www.w3.org/2000/svg"}
    assert len(root.findall(".//s:path", space)) == int(drawing(9)[:, 2].sum()) + 1
    assert [text.text for text in root.findall(".//s:text", space)] == ["a < b & c", "empty"]


def test_png_has_ink_where_the_drawing_is_and_only_there() -> None:
    from matplotlib.image import imread

    image = imread(io.BytesIO(SKETCH.picture([(np.array([[0, 0, 0], [10, 0, 1]], np.float32), ""), (DOT, "")], 2, ".png")))[..., :3]
    assert image.shape == (240, 480, 3)
    ink = image.min(axis=2) < 0.5
    assert ink[119:121, 30:210].all()  # a level line across the first tile
    assert not ink[:110, :240].any()
    assert ink[120, 360]  # the dot in the middle of the second
    assert ink[:, 240:].sum() < 40


def test_inline_svg_takes_the_colour_around_it(drawing) -> None:
    element = ElementTree.fromstring(SKETCH.render(drawing(5)))
    path = element[0]
    assert path.get("stroke") == "currentColor"
    assert all(0 <= value <= drawings.TILE for point in numbers(path.get("d")) for value in point)
    assert ElementTree.fromstring(SKETCH.render(NOTHING)).tag == "svg"
