from __future__ import annotations

from pathlib import Path

import pytest

from seqvae.data.cards import card_names, categories, is_card, list_cards, load_card, read_card
from seqvae.data.downloads import get
from seqvae.data.shipped import shipped
from seqvae.errors import DataError


def test_every_card_is_valid_and_called_like_its_file() -> None:
    assert {"ptb", "multi30k", "yelp_short", "snli", "yahoo", "yelp15", "docstrings"} <= set(card_names())
    assert [card.name for card in list_cards()] == card_names()


@pytest.mark.parametrize("name", card_names())
def test_a_card_says_what_users_must_know(name: str) -> None:
    card = load_card(name)
    assert card.description
    assert card.licence
    assert card.homepage.startswith(("https://", "http://"))
    assert card.embedded or set(card.splits) in ({"all"}, {"train", "test"}, {"train", "valid", "test"})
    unverified = [f.file for f in card.splits.values() if f.sha256 is None]
    assert not unverified or "unverified" in card.note


def test_card_checksums_are_those_of_the_real_files(real_data: Path) -> None:
    listed = {}
    for line in (real_data / "README.md").read_text().splitlines():
        sha256, _, path = line.partition("  ./")
        listed[path] = sha256
    known = [f for card in list_cards() for f in card.splits.values() if f.file in listed]
    assert len(known) >= 9
    assert [f.sha256 for f in known] == [listed[f.file] for f in known]


def test_an_unknown_card_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match=r"unknown data set 'pbt', and no file of that name; did you mean 'ptb'\?"):
        load_card("pbt")


def test_a_wrong_card_lists_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    text = (shipped("datasets") / "ptb.yaml").read_text().replace("modality: text\n", "colour: red\n")
    path.write_text(text.replace("dd65dff31e70846b", "short"))
    with pytest.raises(DataError) as caught:
        read_card(path)
    assert all(word in str(caught.value) for word in ("modality", "colour", "splits.test.sha256"))


def test_a_card_with_a_parameter_is_many_data_sets() -> None:
    card = load_card("quickdraw/aircraft carrier")
    assert card.name == "quickdraw/aircraft carrier"
    assert card.parameter is None
    assert {file.file for file in card.splits.values()} == {"sketch/quickdraw/aircraft carrier.npz"}
    assert {file.url for file in card.splits.values()} == {
        "https://storage.googleapis.com/quickdraw_dataset/sketchrnn/aircraft%20carrier.npz"
    }
    assert load_card("quickdraw").parameter == "category"


@pytest.mark.parametrize("name", ["quickdraw/../secret", "quickdraw/", "quickdraw/cat.npz", "ptb/cat", "quikdraw/cat"])
def test_what_is_no_value_of_a_parameter_is_no_card(name: str) -> None:
    assert not is_card(name)
    with pytest.raises(DataError, match="unknown data set"):
        load_card(name)


def test_several_values_are_several_cards() -> None:
    assert categories("quickdraw/cat, owl") == ["quickdraw/cat", "quickdraw/owl"]
    assert categories("quickdraw/cat") == ["quickdraw/cat"]
    assert categories("ptb") == ["ptb"]


def test_many_data_sets_are_not_got_at_once() -> None:
    with pytest.raises(DataError, match="quickdraw is many data sets: name one, as quickdraw/CATEGORY; see https"):
        get("quickdraw")
