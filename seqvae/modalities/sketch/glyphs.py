"""`glyphs`: the outlines of the letters and signs in matplotlib's bundled fonts, as pen strokes.

A data set that needs no download. Every glyph is drawn by its contours, curves straightened, at most `LONGEST` points; of equal
drawings one is kept. Glyphs that come from a digit or a Latin letter (accents, bold and italic forms included) are labelled by it,
the others by the class after the last. The result depends on the installed matplotlib, so it serves demonstrations and tests.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import string
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqvae.data.cache import key_of
from seqvae.data.splits import digest_of
from seqvae.modalities.sketch.simplification import fit, simplify

VERSION = 1  # of the rules below
SIDE, CLOSENESS = 100.0, 1.5  # a glyph's longer side, and how far its straightened outline may lie from the outline
LONGEST = 100  # points of a drawing
FONTS = ("DejaVu*.ttf", "STIX*.ttf", "cm*.ttf")  # not the last resort font, whose million glyphs are a dozen frames
CLASSES = string.digits + string.ascii_uppercase + string.ascii_lowercase
OTHER = len(CLASSES)


def build(folder: Path) -> Path:
    """The file of drawings, QuickDraw's `.ndjson` with `word` a character, under `folder`; made on the first call (some 30 s)."""
    path = folder / f"glyphs-{key_of([VERSION, importlib.metadata.version('matplotlib')])}.ndjson"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as stream:
            stream.writelines(f"{line}\n" for line in drawings())
        os.chmod(stream.name, 0o644)  # a temporary file is private, a cache may be shared
        os.replace(stream.name, path)
    return path


def drawings() -> list[str]:
    """Every different drawing as a line of json, in the order of their hashes, so that any first part is a mixture."""
    found: dict[str, str] = {}
    for font in fonts():
        for character, lines in outlines(font):
            drawing = [[line[:, axis].astype(int).tolist() for axis in (0, 1)] for line in lines]
            line = json.dumps({"class": class_of(character), "word": character, "drawing": drawing}, separators=(",", ":"))
            found.setdefault(json.dumps(drawing), line)
    return [found[key] for key in sorted(found, key=digest_of)]


def fonts() -> list[Path]:
    """The fonts that come with matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return sorted(path for pattern in FONTS for path in folder.glob(pattern))


def class_of(character: str) -> int:
    """The place in `CLASSES` of the digit or letter that a character comes from, or `OTHER`."""
    base = unicodedata.normalize("NFKD", character)[:1]
    return CLASSES.index(base) if base and base in CLASSES else OTHER


def outlines(font: Path) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Each character of a font with the lines of its outline, whole numbers, y downwards; empty and very long ones left out."""
    from matplotlib import ft2font

    face = ft2font.FT2Font(str(font))
    for code in sorted(face.get_charmap()):
        face.load_char(code, flags=ft2font.LoadFlags.NO_SCALE)
        lines = _straightened(*face.get_path())
        if lines and sum(map(len, lines)) <= LONGEST:
            yield chr(code), lines


def _straightened(vertices: np.ndarray, codes: Any) -> list[np.ndarray]:
    """The contours of a glyph as lines that fit a square of `SIDE`, from `CLOSENESS` simplified."""
    from matplotlib.path import Path as OutlinePath

    if not len(vertices) or not np.ptp(vertices, axis=0).any():
        return []
    small = vertices * [1, -1] * (2 * SIDE / np.ptp(vertices, axis=0).max())  # curves are straightened to within a pixel
    contours = [contour for contour in OutlinePath(small, codes).to_polygons(closed_only=False) if len(contour) > 2]
    if not contours:
        return []
    lines = [np.rint(simplify(line, CLOSENESS)) for line in fit(contours, SIDE)]
    corner = np.concatenate(lines).min(axis=0)
    return [line - corner for line in lines]
