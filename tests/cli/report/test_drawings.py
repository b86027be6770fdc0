from __future__ import annotations

import struct

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.figure import Figure

from seqvae.cli.report.drawings import figures, latent_map, learning_curves, rate_per_dimension, write_overview
from seqvae.cli.report.ink import PRINTED


@pytest.fixture
def axes():
    return Figure().add_subplot()


def test_the_curves_are_the_validations(axes, make_study):
    learning_curves(axes, make_study(), PRINTED)
    bound, distortion = (line.get_xydata() for line in axes.lines)
    np.testing.assert_array_equal(bound, [(10, 21), (20, 14), (30, 12)])
    np.testing.assert_array_equal(distortion, [(10, 20), (20, 12), (30, 9)])
    (band,) = axes.collections
    corners = {tuple(map(float, corner)) for corner in band.get_paths()[0].vertices}
    assert corners == {(10, 21), (20, 14), (30, 12), (10, 20), (20, 12), (30, 9)}
    assert sorted(text.get_text().split()[-1] for text in axes.texts) == ["12.0", "9.0"]
    assert axes.get_ylabel() == "nats per sequence"


def test_the_bars_are_the_last_rates_in_order(axes, make_study):
    rate_per_dimension(axes, make_study(), PRINTED)
    assert [bar.get_height() for bar in axes.patches] == [1.5, 1.0, 0.4, 0.1]
    assert [line.get_ydata()[0] for line in axes.lines] == [0.4]


def test_no_floor_no_line(axes, make_study):
    rate_per_dimension(axes, make_study(floor=None), PRINTED)
    assert not axes.lines
    assert not axes.texts


def test_the_map_has_every_record_and_numbers_where_they_belong(axes, make_study):
    study = make_study()
    latent_map(axes, study, PRINTED)
    dots, *marks = axes.collections
    np.testing.assert_array_equal(dots.get_offsets(), study.places)
    np.testing.assert_array_equal(dots.get_array(), study.sizes)
    for line, walk in zip(axes.lines, study.walks, strict=True):
        np.testing.assert_array_equal(line.get_xydata(), walk.places)
    for number, row in enumerate(study.named):
        np.testing.assert_array_equal(marks[number].get_offsets()[0], study.places[row])
        assert axes.texts[number].get_text() == str(number + 1)
        assert axes.texts[number].get_position() == tuple(study.places[row])
    assert "25" in axes.get_xlabel()
    assert "12" in axes.get_ylabel()


def test_only_the_numbers_asked_for_are_shown(axes, make_study):
    study = make_study()
    latent_map(axes, study, PRINTED, {1, 3})
    assert [text.get_text() for text in axes.texts] == ["1", "3"]
    np.testing.assert_array_equal(axes.collections[-1].get_offsets()[0], study.places[11])  # the third that is named


def test_figures_are_the_same_twice(make_study):
    assert figures(make_study()) == figures(make_study())
    assert figures(make_study()).keys() == {"learning", "rates", "map"}


def test_the_overview_is_a_picture_of_a_readable_size(make_study, tmp_path):
    long = dict.fromkeys(range(9), "word " * 40)
    write_overview(make_study(named=long), tmp_path / "text.png")
    held = (tmp_path / "text.png").read_bytes()
    assert held.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", held[16:24])
    assert width >= 1600
    assert 0.4 < height / width < 0.8


@pytest.mark.parametrize("colour", [PRINTED.text, PRINTED.aside, PRINTED.first, PRINTED.second])
def test_what_is_printed_can_be_read(colour):
    """WCAG 2 contrast of words on paper, at least 3 to 1 for the large and 4.5 for the rest; the accents label curves only."""

    def luminance(name: str) -> float:
        channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(name)]
        return float(np.dot(channels, (0.2126, 0.7152, 0.0722)))

    contrast = (luminance(PRINTED.paper) + 0.05) / (luminance(colour) + 0.05)
    assert contrast >= (4.5 if colour in (PRINTED.text, PRINTED.aside) else 3)
