"""`glyphs` and `letters`: the outlines of the signs in matplotlib's bundled fonts, as pen strokes.

Data sets that need no download. Every glyph is drawn by its contours, curves straightened, at most `LONGEST` points; of equal
drawings one is kept. Glyphs that come from a digit or a Latin letter (accents, bold and italic forms included) are labelled by it,
the others by `other`. The result depends on the installed matplotlib, so they serve demonstrations and tests.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import string
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from seqvae.data.cache import key_of
from seqvae.data.splits import digest_of

VERSION = 3  # of the rules below
SIDE, CLOSENESS = 100.0, 2.0  # a glyph's longer side, and how far its straightened outline may lie from the outline
LONGEST = 100  # points of a drawing
FONTS = (
    "DejaVu*.ttf",
    "STIX*.ttf",
)  # TeX's fonts put signs where other fonts have letters; the last resort font has a million frames
CLASSES = string.digits + string.ascii_uppercase + string.ascii_lowercase
OTHER = "other"
MOVE, LINE, QUADRATIC, CLOSE = 1, 2, 3, 79  # matplotlib's path codes; the fonts are TrueType, which has no cubic curves


def build(folder: Path) -> Path:
    """The file of all drawings under `folder`, QuickDraw's `.ndjson` with `word` a character; the first call takes some 20 s."""
    return _file(folder, "glyphs", lambda character: True)


def build_letters(folder: Path) -> Path:
    """The same of the digits and Latin letters alone, in every style, without accents (some 2 s)."""
    return _file(folder, "letters", is_letter)


def is_letter(character: str) -> bool:
    """Whether a character is one of `CLASSES`, or one in another style (bold, italic, script: not raised, nor in a circle)."""
    return character in CLASSES or (unicodedata.decomposition(character).startswith("<font>") and class_of(character) != OTHER)


def drawings(admitted: Callable[[str], bool]) -> list[str]:
    """Every different drawing of the characters admitted, a line of json each, in the order of their hashes."""
    found: dict[str, str] = {}
    for font in fonts():
        for character, lines in outlines(font, admitted):
            drawing = json.dumps([line.T.astype(int).tolist() for line in lines], separators=(",", ":"))
            found.setdefault(drawing, f'{{"class":"{class_of(character)}","word":{json.dumps(character)},"drawing":{drawing}}}')
    return [found[key] for key in sorted(found, key=digest_of)]


def _file(folder: Path, name: str, admitted: Callable[[str], bool]) -> Path:
    path = folder / f"{name}-{key_of([VERSION, importlib.metadata.version('matplotlib')])}.ndjson"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, encoding="utf-8", delete=False) as stream:
            stream.writelines(f"{line}\n" for line in drawings(admitted))
        os.chmod(stream.name, 0o644)  # a temporary file is private, a cache may be shared
        os.replace(stream.name, path)
    return path


def fonts() -> list[Path]:
    """The fonts that come with matplotlib."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return sorted(path for pattern in FONTS for path in folder.glob(pattern))


def class_of(character: str) -> str:
    """The digit or letter of `CLASSES` that a character comes from, or `OTHER`."""
    base = unicodedata.normalize("NFKD", character)[:1]
    return base if base and base in CLASSES else OTHER


def outlines(font: Path, admitted: Callable[[str], bool]) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Each character admitted with the lines of its outline, whole numbers, y downwards; empty and very long ones left out."""
    from matplotlib import ft2font

    face = ft2font.FT2Font(str(font))
    for code in filter(lambda code: admitted(chr(code)), sorted(face.get_charmap())):
        face.load_char(code, flags=ft2font.LoadFlags.NO_SCALE)
        lines = fitted_contours(*face.get_path())
        if lines and sum(map(len, lines)) <= LONGEST:
            yield chr(code), lines


def fitted_contours(vertices: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """The closed contours of a glyph as lines whose box begins at the origin and is `SIDE` long.

    Args:
        vertices: `[k,2]`, y upwards; codes: `[k]`, what each does, as matplotlib's paths have it.
    """
    drawn = vertices[codes != CLOSE]  # what closes a contour has a vertex without meaning
    side = float(np.ptp(drawn, axis=0).max()) if len(drawn) else 0.0
    if side == 0:
        return []
    contours: list[list[np.ndarray]] = []
    scaled = vertices * [SIDE / side, -SIDE / side]
    place = 0
    while place < len(codes):
        code = codes[place]
        if code == MOVE:
            contours.append([scaled[place : place + 1]])
        elif code == LINE:
            contours[-1].append(scaled[place : place + 1])
        elif code == QUADRATIC:
            contours[-1].append(_straightened(contours[-1][-1][-1], *scaled[place : place + 2]))
            place += 1
        elif code == CLOSE:
            contours[-1].append(contours[-1][0])
        place += 1
    lines = [np.rint(np.concatenate(contour)) for contour in contours if len(contour) > 2]
    if not lines:
        return []
    corner = np.concatenate(lines).min(axis=0)
    return [line[np.append(True, np.diff(line, axis=0).any(axis=1))] - corner for line in lines]  # no point twice in a row


def _straightened(start: np.ndarray, control: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Points of a quadratic curve after its start, so many that no chord is further than `CLOSENESS` from it.

    Cut into n equal shares, a quadratic curve is |start - 2 control + end| / (4 n^2) away from its chords.
    """
    bend = float(np.hypot(*(start - 2 * control + end)))
    pieces = max(1, math.ceil(math.sqrt(bend / (4 * CLOSENESS))))
    share = np.arange(1, pieces + 1)[:, None] / pieces
    return (1 - share) ** 2 * start + 2 * (1 - share) * share * control + share**2 * end
