"""A classifier in use: what it says of records, and its folder."""

from __future__ import annotations

import json

import pytest
import torch

from seqvae.errors import RunError
from seqvae.recognition.classifier import UNKNOWN, Classifier
from seqvae.storage.manifest import write_manifest


def test_probabilities_are_those_of_the_network_in_the_records_order(classifier, unseen):
    texts = [text for text, _ in unseen]
    found = classifier.probabilities(texts)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(len(texts)))
    torch.testing.assert_close(found, torch.cat([classifier.probabilities([text]) for text in texts]))  # padding tells nothing
    assert classifier.predict(texts).tolist() == [label for _, label in unseen]


def test_what_is_no_record_is_of_no_class(classifier):
    found = classifier.probabilities(["cat dog", "", "sun"])
    assert found[1].tolist() == [0, 0, 0]
    assert classifier.predict(["cat dog", "", "sun"]).tolist() == [0, UNKNOWN, 2]
    assert classifier.predict(["", ""]).tolist() == [UNKNOWN, UNKNOWN]


def test_round_trip_bit_for_bit(classifier, unseen, tmp_path):
    classifier.save(tmp_path / "deep" / "judge")
    state = torch.get_rng_state()
    back = Classifier.load(tmp_path / "deep" / "judge")
    assert torch.equal(torch.get_rng_state(), state)
    texts = [text for text, _ in unseen]
    assert torch.equal(back.probabilities(texts), classifier.probabilities(texts))
    assert (back.classes, back.settings, back.facts) == (classifier.classes, classifier.settings, {"source": "made up"})
    assert (back.modality, back.tokenizer) == ("text", {"kind": "word"})
    back.save(tmp_path / "deep" / "judge")  # over itself
    assert torch.equal(Classifier.load(tmp_path / "deep" / "judge").network.head.weight, classifier.network.head.weight)


@pytest.mark.parametrize("victim", ["model.safetensors", "codec/words.json", "manifest.json"])
def test_a_file_that_is_missing(classifier, tmp_path, victim):
    classifier.save(tmp_path)
    (tmp_path / victim).unlink()
    with pytest.raises(RunError, match=f"{victim} is missing"):
        Classifier.load(tmp_path)


def test_a_file_that_was_altered(classifier, tmp_path):
    classifier.save(tmp_path)
    with (tmp_path / "model.safetensors").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(RunError, match="altered"):
        Classifier.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "seqvae"}, "no classifier at .*; make one with seqvae fit-classifier RUN --out DIR"),
        ({"format_version": 99}, "has format version 99, this seqvae reads 1"),
        ({"settings": {"encoder": "rmn"}}, "cannot be built: encoder.kind: unknown encoder 'rmn'; did you mean 'rnn'"),
        ({"tokenizer": {"kind": "wordd"}}, "unknown tokenizer 'wordd'"),
        ({"classes": ["animals", "stars"]}, "holds the weights of another model"),
    ],
)
def test_a_folder_that_is_none_of_ours(classifier, tmp_path, changes, said):
    classifier.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    write_manifest(tmp_path)
    with pytest.raises(RunError, match=said):
        Classifier.load(tmp_path)


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_nothing_of_ours_there(tmp_path, text):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(RunError, match=f"no classifier at {tmp_path}; make one with seqvae fit-classifier RUN --out DIR"):
        Classifier.load(tmp_path)


def test_it_is_not_put_where_something_else_is(classifier, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text('{"format": "seqvae"}')
    (tmp_path / "file").write_text("mine")
    for place in ("mine", "file"):
        with pytest.raises(RunError, match=f"{place} is there already and is no classifier; name a new folder"):
            classifier.save(tmp_path / place)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["config.json", "file", "mine"]
    (tmp_path / "empty").mkdir()
    classifier.save(tmp_path / "empty")
