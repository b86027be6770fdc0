from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seqvae import registry
from seqvae.batch import SequenceBatch, pad
from seqvae.errors import ConfigError, DataError
from seqvae.modalities.grammar.codec import FIRST, GrammarCodec
from seqvae.model import SequenceModel

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def test_records_come_back_and_end_in_eos() -> None:
    codec = GrammarCodec()
    (ids,) = codec.encode([ASPIRIN])
    assert ids.dtype == np.int32
    assert ids[-1] == codec.spec.eos
    assert (ids[:-1] >= FIRST).all()
    assert codec.decode([ids, ids[:-1], np.append(ids, [0, 0, 7])]) == [ASPIRIN] * 3
    assert codec.spec.size == FIRST + len(codec.grammar.productions)
    with pytest.raises(DataError, match="the grammar smiles does not derive"):
        codec.encode([ASPIRIN, "C("])


def test_groups_are_left_sides() -> None:
    codec = GrammarCodec(grammar="expression")
    groups = codec.spec.groups
    assert len(groups) == codec.spec.size
    for one, a in enumerate(codec.grammar.productions):
        for two, b in enumerate(codec.grammar.productions):
            assert (groups[FIRST + one] == groups[FIRST + two]) == (a.left == b.left)
    assert groups.count(groups[codec.spec.eos]) == 1


def test_log_likelihood_is_the_sum_over_the_leftmost_derivation(make_model: Callable[..., SequenceModel]) -> None:
    """Each production's probability by hand: its exponential over those of its left side; the end costs nothing."""
    codec = GrammarCodec(grammar="expression")
    model = make_model(codec.spec)
    records = ["x + sin( 1 / x )", "3"]
    batch = SequenceBatch(*pad([torch.from_numpy(ids).long() for ids in codec.encode(records)], codec.spec.pad))
    z = torch.randn(1, 2, 4, dtype=torch.float64)
    logits = model.likelihood.logits(model.decoder(z, batch))[0].detach()
    for row, record in enumerate(records):
        total = 0.0
        for step, number in enumerate(codec.grammar.derive(record)):
            left = codec.grammar.productions[number].left
            rivals = [FIRST + n for n, p in enumerate(codec.grammar.productions) if p.left == left]
            total += float(logits[row, step, FIRST + number]) - math.log(sum(math.exp(logits[row, step, r]) for r in rivals))
        assert model.log_likelihood(z, batch)[0, row].item() == pytest.approx(total, rel=1e-12)


def test_probabilities_of_all_short_derivations_sum_to_the_mass_that_fits(
    make_model: Callable[..., SequenceModel], tmp_path: Path
) -> None:
    """A language of six strings: their probabilities sum to one, so nothing leaks to what is illegal."""
    path = tmp_path / "six.lark"
    path.write_text('start: head tail\nhead: "a" | "b" | "c"\ntail: | "!"\n')
    codec = GrammarCodec(grammar=str(path))
    records = [head + tail for head in "abc" for tail in ("", "!")]
    batch = SequenceBatch(*pad([torch.from_numpy(ids).long() for ids in codec.encode(records)], codec.spec.pad))
    z = torch.randn(1, 1, 4, dtype=torch.float64).expand(1, 6, 4)
    assert float(make_model(codec.spec).log_likelihood(z, batch).exp().sum()) == pytest.approx(1, abs=1e-12)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    codec = GrammarCodec(grammar="expression")
    codec.save(tmp_path)
    other = GrammarCodec()
    assert other.fingerprint != codec.fingerprint
    other.load(tmp_path)
    assert other.fingerprint == codec.fingerprint
    assert other.spec == codec.spec
    (tmp_path / "grammar.lark").write_text("start: (")
    with pytest.raises(DataError, match=r"no grammar in .*grammar.lark"):
        other.load(tmp_path)


def test_it_is_found_by_name_and_knows_its_grammars() -> None:
    assert isinstance(registry.build("tokenizer", {"kind": "grammar", "grammar": "expression"}), GrammarCodec)
    with pytest.raises(ConfigError, match=r"unknown grammar 'smile'; did you mean 'smiles'\?, or give a .lark file"):
        GrammarCodec(grammar="smile")
    with pytest.raises(ConfigError, match=r"cannot read nowhere.lark"):
        GrammarCodec(grammar="nowhere.lark")


def test_units() -> None:
    assert GrammarCodec(grammar="expression").units("x + 1") == 3
