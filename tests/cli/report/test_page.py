from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from seqvae.cli.report.page import page, section
from seqvae.evaluation.verdict import Verdict

VOID = {"meta", "br", "img", "hr", "link", "input"}


class Outline(HTMLParser):
    """Checks that tags are balanced, and keeps what an outline needs."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "xlink:href", "data", "action"}]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(held: str) -> Outline:
    parsed = Outline()
    parsed.feed(held)
    parsed.close()
    assert parsed.open == []
    return parsed


@pytest.fixture
def held(make_study):
    return page([make_study(), make_study(name="other")])


def test_it_is_balanced_and_no_two_elements_share_an_id(held):
    ids = outline(held).ids
    assert len(ids) == len(set(ids))
    assert {"text", "other"} <= set(ids)


def test_it_loads_nothing(held):
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in outline(held).links)
    assert not re.search(r"@import|url\((?!#)|<script|<link|<iframe", held)


def test_it_shows_every_record_escaped(make_study):
    told = section(make_study())
    for record in ("given one", "made two", "p2", "q2", "eleventh", "a &lt;b&gt;sample&lt;/b&gt;", "another &amp; more"):
        assert f"<p>{record}</p>" in told
    assert "<b>" not in told


def test_it_tells_the_facts_the_numbers_and_the_verdict(make_study):
    study = make_study()
    words = " ".join(" ".join(outline(section(study)).text).split())
    for said in (
        "1,234 sentences out of a book",
        "1.5 million",
        "3 seconds",
        "CPU, 2 threads",
        study.verdict.sentence,
        "3 of 4",
        "0.4",
    ):
        assert said in words
    for row in study.rows:
        assert f"{row.name} {row.value} {row.unit} {row.meaning}".strip() in re.sub(r"\s+", " ", words)


def test_collapse_stands_out(make_study):
    collapsed = Verdict(True, "Collapsed: all is lost.", remark="Try <this>.")
    assert '<p class="verdict collapsed">Collapsed: all is lost. Try &lt;this&gt;.</p>' in section(make_study(verdict=collapsed))
    assert '<p class="verdict">' in section(make_study())


def test_the_style_knows_dark_print_and_narrow_screens(held):
    for query in ("prefers-color-scheme: dark", "@media print", "max-width"):
        assert query in held
    assert 'name="viewport"' in held
    used = set(re.findall(r"var\(--([\w-]+)\)", held))
    declared = set(re.findall(r"--([\w-]+):", held))
    assert used <= declared
