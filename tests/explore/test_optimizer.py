"""The optimiser from starts to records, on a model whose heads are straight lines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seqvae import registry
from seqvae.data.store import SequenceStore, StoreWriter
from seqvae.distributions.sphere import unit_sphere
from seqvae.errors import ConfigError, DataError
from seqvae.explore import starts
from seqvae.explore.candidates import decoded
from seqvae.explore.guards.ball import TrustBall
from seqvae.explore.optimizer import LatentOptimizer
from seqvae.explore.oracle import Oracle
from seqvae.heads.property_heads import PropertyHeads

WORDS = {"words": 1.0}


def words(records):
    return np.array([len(record.split()) for record in records], np.float64)


@pytest.fixture
def store(vae, sentences, tmp_path):
    def make(values=None):
        with StoreWriter(tmp_path / "store", vae.codec.spec, properties=("words",) if values is not None else ()) as writer:
            sequences = vae.codec.encode(sentences)
            writer.append(sequences, [1] * 5, range(5), properties=[(v,) for v in values] if values is not None else [()] * 5)
        return SequenceStore(tmp_path / "store")

    return make


def test_climbing_raises_the_prediction(vae, sentences):
    optimizer = LatentOptimizer(vae, WORDS, steps=10)
    path = optimizer.climb(starts.from_records(vae, sentences))
    scores = optimizer.goal.score(path).detach()
    assert path.shape == (11, 5, 4)
    assert (scores[-1] > scores[0]).all()
    down = LatentOptimizer(vae, {"words": -1.0}, steps=10).climb(starts.from_records(vae, sentences))
    assert (optimizer.goal.score(down)[-1] < scores[0]).all()


@pytest.mark.parametrize("guards", [[TrustBall(radius=0.4)], []], ids=["ball", "none"])
def test_a_sphere_is_climbed_on_the_sphere(vae, sentences, guards):
    posterior = {"kind": "von_mises_fisher", "latent": 4}
    vae.model.posterior = registry.build("posterior", posterior, vae.model.posterior.width)
    vae.model.prior = registry.build("prior", "uniform_sphere", torch.Size([4]))
    optimizer = LatentOptimizer(vae, WORDS, guards=guards, steps=30)
    path = optimizer.climb(starts.from_records(vae, sentences))  # means, which lie inside
    assert unit_sphere.check(path).all()
    far = (path - path[0]).norm(dim=-1).amax()
    assert far == pytest.approx(0.4, rel=1e-4) if guards else far > 0.4
    scores = optimizer.goal.score(path).detach()
    assert (scores[-1] > scores[0]).all()


def test_one_optimum_a_start_the_best_first(vae, sentences):
    oracle = Oracle({"words": words})
    found = LatentOptimizer(vae, WORDS, steps=8).run(starts.from_records(vae, sentences), oracle, seed=0)
    assert sorted(optimum.start for optimum in found.optima) == sorted(sentences)
    values = [optimum.value for optimum in found.optima]
    assert values == sorted(values, reverse=True)
    for optimum in found.optima:
        assert optimum.value == len(optimum.record.split())
        assert optimum.start_value == len(optimum.start.split())
        assert optimum.valid
        assert optimum.record != optimum.start
        assert optimum.predicted == pytest.approx(vae.predict([optimum.record])["words"].mean.item(), rel=1e-4)
    distinct = set(found.candidates.records) | set(sentences)
    assert found.oracle_calls == oracle.calls == len(distinct)
    best = {
        start: max(v for v, s in zip(found.values[:, 0], found.candidates.start, strict=True) if s == start) for start in range(5)
    }
    assert {sentences.index(o.start): o.value for o in found.optima} == best


def test_the_budget_buys_what_looks_best(vae, sentences):
    optimizer = LatentOptimizer(vae, WORDS, steps=8)
    found = optimizer.run(starts.from_records(vae, sentences), Oracle({"words": words}, budget=3), seed=0)
    assert found.oracle_calls == 3
    predicted = optimizer.goal.predicted(found.candidates.again)[:, 0].numpy()
    bought = {record: p for record, p, v in zip(found.candidates.records, predicted, found.values[:, 0], strict=True) if v == v}
    left = [p for record, p in zip(found.candidates.records, predicted, strict=True) if record not in bought]
    assert len(bought) == 3
    assert min(bought.values()) >= max(left)
    assert all(math.isnan(optimum.start_value) for optimum in found.optima)


def test_the_same_seed_gives_the_same(vae, sentences):
    begin = starts.from_records(vae, sentences)
    runs = [LatentOptimizer(vae, WORDS, steps=5).run(begin, Oracle({"words": words}), seed=3) for _ in range(2)]
    assert runs[0].optima == runs[1].optima


def test_without_the_real_property_the_heads_judge(vae, sentences):
    found = LatentOptimizer(vae, WORDS, steps=5).run(starts.from_records(vae, sentences), Oracle({}), seed=0)
    assert found.oracle_calls == 0
    assert all(math.isnan(optimum.value) for optimum in found.optima)
    predicted = [optimum.predicted for optimum in found.optima]
    assert predicted == sorted(predicted, reverse=True)


def test_nothing_less_similar_than_asked_for_comes_out(vae, sentences, monkeypatch):
    """Everything is like a sentence that begins with "the", and nothing like any other."""
    like = lambda a, b: np.array([0.4 if start.startswith("the") else 0.2 for start in a])  # noqa: E731
    monkeypatch.setattr(vae.modality, "similarity", like, raising=False)
    optimizer = LatentOptimizer(vae, WORDS, steps=8, similarity=0.3, points=3)
    found = optimizer.run(starts.from_records(vae, sentences), Oracle({"words": words}), seed=0)
    for optimum in found.optima:
        assert optimum.valid == optimum.start.startswith("the")
        if optimum.valid:
            assert optimum.similarity == 0.4
        else:
            assert optimum.record == optimum.start
            assert (optimum.similarity, optimum.value) == (1, optimum.start_value)


def test_the_furthest_point_is_found_by_bisection(vae, sentences, monkeypatch):
    """Similar up to a step of its own for each row: bisection finds that step."""
    optimizer = LatentOptimizer(vae, WORDS, steps=37, similarity=0.5)
    paths = torch.arange(38.0)[:, None, None].expand(38, 5, 4)
    last = [0, 1, 17, 36, 37]
    asked = []
    monkeypatch.setattr(vae, "decode", lambda z, labels: (asked.append(1), [str(int(row[0])) for row in z])[1])
    near = lambda a, b: np.array([float(int(step) <= limit) for step, limit in zip(b, last, strict=True)])  # noqa: E731
    monkeypatch.setattr(vae.modality, "similarity", near, raising=False)
    assert optimizer._furthest(paths, starts.from_records(vae, sentences)).tolist() == last
    assert len(asked) <= 7  # log2 of 37, and one look at the end


def test_starts_are_the_best_by_value_else_by_prediction(vae, store, sentences):
    goal = LatentOptimizer(vae, WORDS).goal
    known = starts.best_of(vae, store([1.0, 5.0, math.nan, 2.0, 4.0]), goal, 3)
    assert known.records == [sentences[1], sentences[4], sentences[3]]
    assert known.values[:, 0].tolist() == [5, 4, 2]
    torch.testing.assert_close(known.z, vae.encode(known.records))


def test_starts_by_prediction(vae, store, sentences):
    goal = LatentOptimizer(vae, WORDS).goal
    predicted = starts.best_of(vae, store(), goal, 2)
    scores = vae.predict(sentences)["words"].mean
    assert predicted.records == [sentences[i] for i in scores.argsort(descending=True)[:2]]
    assert predicted.values is None


def test_known_values_of_starts_cost_no_call(vae, sentences):
    oracle = Oracle({"words": words})
    begin = starts.from_records(vae, sentences)
    told = starts.Starts(begin.z, begin.records, np.full((5, 1), 100.0))
    found = LatentOptimizer(vae, WORDS, steps=3).run(told, oracle, seed=0)
    assert {optimum.start_value for optimum in found.optima} == {100.0}
    assert found.oracle_calls == len(set(found.candidates.records) - set(sentences))


def test_draws_from_the_prior_are_starts_too(vae):
    begin = starts.from_prior(vae, 6, seed=1)
    assert begin.records == vae.decode(begin.z)
    torch.testing.assert_close(begin.z, starts.from_prior(vae, 6, seed=1).z)


def test_a_start_of_which_nothing_comes(vae, sentences, monkeypatch):
    monkeypatch.setattr(vae.modality, "canonical", lambda record: record if record in sentences else None, raising=False)
    oracle = Oracle({"words": words})
    found = LatentOptimizer(vae, WORDS, steps=2, draws=0).run(starts.from_records(vae, sentences[:2]), oracle)
    for optimum in found.optima:
        assert not optimum.valid
        assert optimum.record == optimum.start
        assert optimum.value == optimum.start_value == len(optimum.start.split())


def test_every_climb_keeps_to_the_class_of_its_start(told, sentences, monkeypatch):
    """What comes of a start is the decode of a latent as of its class, and is encoded again and judged as of that class."""
    monkeypatch.setattr(told.modality, "similarity", lambda a, b: np.full(len(a), 0.9), raising=False)
    begin = starts.from_records(told, sentences, ["old", "new", "new", None, "old"])
    assert begin.told.tolist() == [0, 1, 1, -1, 0]
    torch.testing.assert_close(begin.z, told.encode(sentences, labels=begin.labels))
    optimizer = LatentOptimizer(told, WORDS, steps=8, draws=0, similarity=0.3)
    found = optimizer.run(begin, Oracle({"words": words}))
    classes = begin.told[found.candidates.start]
    assert set(found.candidates.start) == set(range(5))
    assert told.decode(found.candidates.z, labels=classes) == found.candidates.records
    assert told.decode(found.candidates.z) != found.candidates.records
    again = told.encode(found.candidates.records, labels=classes)
    torch.testing.assert_close(found.candidates.again, again)
    assert (again - told.encode(found.candidates.records, labels=1 - classes.clamp(min=0))).abs().amax(1).min() > 1e-3
    for optimum in found.optima:
        said = told.predict([optimum.record], labels=int(begin.told[sentences.index(optimum.start)]))
        assert optimum.predicted == pytest.approx(said["words"].mean.item(), rel=1e-4)


def test_one_record_of_two_classes_has_two_latents(told):
    """Starts of the same record, and what comes of them, are encoded each as of its own class."""
    begin = starts.from_records(told, ["the cat sat"] * 2, ["old", "new"])
    assert not torch.allclose(*begin.z)
    found = decoded(told, begin.z[None], begin, draws=40, temperature=3.0, seed=0)
    of = [{r: z for r, z, s in zip(found.records, found.again, found.start, strict=True) if s == start} for start in (0, 1)]
    both = sorted(of[0].keys() & of[1].keys())
    assert both
    for start, label in enumerate(["old", "new"]):
        torch.testing.assert_close(torch.stack([of[start][record] for record in both]), told.encode(both, labels=label))


def test_starts_of_a_class(told, sentences, tmp_path):
    with StoreWriter(tmp_path / "store", told.codec.spec, labels=True, properties=("words",)) as writer:
        values = [(float(len(sentence.split())),) for sentence in sentences]  # 6, 3, 4, 3, 4
        writer.append(told.codec.encode(sentences), [1] * 5, range(5), labels=[0, 1, 1, 1, 0], properties=values)
    store, goal = SequenceStore(tmp_path / "store"), LatentOptimizer(told, WORDS).goal
    new = starts.best_of(told, store, goal, 2, "new")
    assert new.records == [sentences[2], sentences[1]]
    assert new.values[:, 0].tolist() == [4, 3]
    assert new.told.tolist() == [1, 1]
    torch.testing.assert_close(new.z, told.encode(new.records, labels="new"))
    every = starts.best_of(told, store, goal, 3)
    assert every.records == [sentences[0], sentences[2], sentences[4]]
    assert every.told.tolist() == [0, 1, 0]
    torch.testing.assert_close(every.z, told.encode(every.records, labels=[0, 1, 0]))
    drawn = starts.from_prior(told, 6, seed=1, labels="new")
    assert drawn.records == told.decode(drawn.z, labels="new") != told.decode(drawn.z)
    with pytest.raises(DataError, match="holds no record of class -1; start from another"):
        starts.best_of(told, store, goal, 2, -1)
    with pytest.raises(ConfigError, match="no such class; did you mean 'new'"):
        starts.best_of(told, store, goal, 2, "neu")


def test_a_model_without_classes_starts_from_labelled_records_all_the_same(vae, sentences, tmp_path):
    with StoreWriter(tmp_path / "store", vae.codec.spec, labels=True) as writer:
        writer.append(vae.codec.encode(sentences), [1] * 5, range(5), labels=[0, 1, 1, 1, 0])
    store, goal = SequenceStore(tmp_path / "store"), LatentOptimizer(vae, WORDS).goal
    assert starts.best_of(vae, store, goal, 3).told.tolist() == [-1] * 3
    with pytest.raises(ConfigError, match="this model knows no classes"):
        starts.best_of(vae, store, goal, 3, "new")
    with pytest.raises(ConfigError, match="this model knows no classes"):
        starts.from_records(vae, sentences, "new")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps=0: give at least 1"),
        ({"points": 0}, "points=0: give at least 1"),
        ({"draws": -1}, "draws=-1: give at least 0"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: give a positive number"),
        ({"similarity": 1.5}, "similarity=1.5: give a number from 0 to 1"),
    ],
)
def test_numbers_out_of_range(vae, changes, said):
    with pytest.raises(ConfigError, match=said):
        LatentOptimizer(vae, WORDS, **changes)


def test_models_and_data_that_cannot_be_climbed(vae, store):
    with pytest.raises(ConfigError, match="starts=0: give at least 1"):
        starts.best_of(vae, store(), LatentOptimizer(vae, WORDS).goal, 0)
    with pytest.raises(DataError, match="words gave no number for any of"):
        LatentOptimizer(vae, WORDS, steps=1).run(starts.from_prior(vae, 2, 0), Oracle({"words": lambda records: 1 / 0}))
    vae.model.heads = PropertyHeads({})
    with pytest.raises(ConfigError, match="no head for 'words', nor any"):
        LatentOptimizer(vae, WORDS)
