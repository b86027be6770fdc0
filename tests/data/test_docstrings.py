from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from seqvae.data import docstrings
from seqvae.data.docstrings import build, prose, sentences

SOURCE = '''
"""The module begins with a sentence of its own. Too short."""

def function(name, count):
    """Return the name of the thing that was counted.

    This calls :meth:`~package.Thing.run` and then it waits for the `count` to end.
    It fits in :class:`camelCaseName` but an identifier is no English word at all.

    Args:
        name (`str`, *optional*): The name that the caller would like to give.
        count: An integer, x = 3, that is not plain prose at all.

    Example::

        >>> This line is code and must never be taken for a sentence.
    """
    text = """This string is no docstring and so it must not be found."""

class Thing:
    """Return the name of the thing that was counted."""

    if True:
        async def run(self):
            r"""Runs inside of a block and is found there too."""
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "toy_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('it must not be imported')")
    (folder / "module.py").write_text(SOURCE)
    (folder / "broken.py").write_text('"""Not Python at all, whatever it may say here."""\ndef f(:')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(docstrings, "PACKAGES", {"toy_package": "numpy", "no_such_package": "none"})
    return "toy_package"


EXPECTED = {
    "The module begins with a sentence of its own.",
    "Return the name of the thing that was counted.",
    "This calls run and then it waits for the count to end.",
    "The name that the caller would like to give.",
    "Runs inside of a block and is found there too.",
}


def test_only_plain_sentences_of_docstrings_are_taken(package: str) -> None:
    assert set(sentences()) == EXPECTED
    assert len(sentences()) == len(EXPECTED)
    assert package not in sys.modules


def test_the_file_is_made_once_and_in_the_same_order(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(tmp_path / "cache").read_text()
    assert set(first.splitlines()) == EXPECTED
    assert build(tmp_path / "other").read_text() == first
    monkeypatch.setattr(docstrings, "sentences", lambda: pytest.fail("made twice"))
    assert build(tmp_path / "cache").read_text() == first
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_another_version_is_another_file(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build(tmp_path)
    monkeypatch.setattr(docstrings.importlib.metadata, "version", lambda name: "99")
    assert build(tmp_path) != before


def test_installed_packages_give_english(monkeypatch: pytest.MonkeyPatch) -> None:
    # one package of the dozen keeps this quick; all of them are built by the demonstration
    found = [s for text in docstrings.docstrings("matplotlib") for s in prose(text)]
    assert len(set(found)) > 1500
    words = " ".join(found).lower().split()
    assert words.count("the") / len(words) > 0.05  # the rate of English, 5 to 7 %
    assert all(5 <= len(s.split()) <= 20 and s[0].isupper() and s.endswith(".") for s in found)


def test_a_paragraph_of_many_items_is_no_sentence() -> None:
    text = textwrap.dedent("""\
        Parameters
        ----------
        first, second : array-like
            The positions of all of the points to draw.
        """)
    assert list(prose(text)) == ["The positions of all of the points to draw."]
