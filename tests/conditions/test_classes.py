"""Class conditioning: what it says, what it hides, and that a model which is told classes tells them apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.conditions.classes import ClassCondition
from seqvae.errors import ConfigError, DataError
from seqvae.generation.beam import beam_search
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy, SamplingRule
from seqvae.importance import importance_log_weights, iwae
from seqvae.model import SequenceModel, build_model
from seqvae.objectives.elbo import Elbo
from seqvae.steps import StepSpec

MakeBatch = Callable[..., SequenceBatch]
SPEC = StepSpec(size=6)  # 4 and 5 are the words
NAMES = ("four", "five")
SECTION: dict[str, Any] = {
    "encoder": {"kind": "rnn", "embedding": 4, "hidden": 6},
    "posterior": {"kind": "diagonal", "latent": 2},
    "prior": {"kind": "standard_normal"},
    "decoder": {"kind": "rnn", "embedding": 4, "hidden": 12, "dropout": 0.0},
    "likelihood": {"kind": "categorical"},
}
SOLE = torch.tensor([[4, 4, 2], [5, 5, 2]])  # the one sequence of each class


def build(**condition: Any) -> SequenceModel:
    torch.manual_seed(0)
    section = SECTION if not condition else {**SECTION, "condition": {"kind": "classes", **condition}}
    return build_model(SPEC, section)


def both(count: int, labels: Tensor | None = None) -> SequenceBatch:
    """`count` records, of either class in turn."""
    turns = torch.arange(count) % 2
    return SequenceBatch(SOLE[turns], torch.full((count,), 3), labels=turns if labels is None else labels)


def blind(model: SequenceModel, steps: int = 60) -> SequenceModel:
    """Trained on both classes with a posterior held to the prior by a heavy rate, so that the latent says nothing."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    objective = Elbo(beta=registry.build("schedule", {"kind": "constant", "value": 30.0}))
    for step in range(steps):
        optimizer.zero_grad()
        objective(model.train(), both(32), step).total.backward()
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def told() -> SequenceModel:
    return blind(build(names=NAMES, width=4, hide=0.2))


@pytest.fixture(scope="module")
def untold() -> SequenceModel:
    return blind(build())


def nats(model: SequenceModel, batch: SequenceBatch, rows: int = 512) -> Tensor:
    torch.manual_seed(1)
    return -iwae(importance_log_weights(model, batch, 20, rows))


def test_the_likelihood_tells_classes_apart_that_the_latent_does_not(told: SequenceModel, untold: SequenceModel) -> None:
    """Two sequences of equal chance cost ln 2 nats to whoever is not told which it is, and nothing to the others."""
    own, other = nats(told, both(8)), nats(told, both(8, torch.arange(1, 9) % 2))
    assert own.max() < 0.1
    assert other.min() > 2
    for model, labels in ((told, torch.full((8,), -1)), (untold, torch.zeros(8, dtype=torch.int64))):
        assert nats(model, both(8, labels)).mean().item() == pytest.approx(math.log(2), abs=0.15)


def test_samples_are_of_the_class_asked_for_and_of_either_without(told: SequenceModel, untold: SequenceModel) -> None:
    z, labels = torch.randn(200, 2), torch.arange(200) % 2
    drawn = generate(told, z, SamplingRule(), 5, labels=labels)
    right = [row.tolist() == SOLE[label].tolist() for row, label in zip(drawn, labels, strict=True)]
    assert sum(right) > 180
    for model, given in ((told, None), (told, torch.full((200,), -1)), (untold, labels)):
        first = np.array([row[0] for row in generate(model, z, SamplingRule(), 5, labels=given)])
        assert 40 < (first == 4).sum() < 160
        assert abs(np.corrcoef(first == 5, labels)[0, 1]) < 0.3


def test_chunks_of_rows_keep_their_labels(told: SequenceModel) -> None:
    z, labels = torch.randn(11, 2), torch.tensor([0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0])
    expected = [SOLE[label].tolist() for label in labels]
    for rows in (1, 3, 512):
        assert [row.tolist() for row in generate(told, z, Greedy(), 5, rows=rows, labels=labels)] == expected
        assert [row.tolist() for row in beam_search(told, z, 2, 5, rows=rows, labels=labels)] == expected
    batch = both(11, labels)
    torch.testing.assert_close(nats(told, batch, rows=11), nats(told, batch, rows=10_000))
    torch.testing.assert_close(nats(told, batch, rows=1), nats(told, batch, rows=10_000))


def test_a_prefix_goes_on_in_its_class(told: SequenceModel) -> None:
    begun = SequenceBatch(torch.tensor([[4], [5]]), torch.tensor([1, 1]))
    written = generate(told, torch.zeros(2, 2), Greedy(), 5, prefix=begun, labels=torch.tensor([0, 1]))
    assert [row.tolist() for row in written] == SOLE.tolist()


def test_a_missing_label_is_the_class_unknown(make_batch: MakeBatch) -> None:
    model = build(names=NAMES).eval().double()
    batch, z = make_batch(SPEC), torch.randn(3, 4, 2, dtype=torch.float64)
    unlabelled = model.log_likelihood(z, batch)
    for labels in ([-1, -1, -1, -1], [-1, 0, 1, -1]):
        found = model.log_likelihood(z, SequenceBatch(batch.inputs, batch.lengths, labels=torch.tensor(labels)))
        same = torch.tensor(labels) < 0
        torch.testing.assert_close(found[:, same], unlabelled[:, same])
        assert (found[:, ~same] != unlabelled[:, ~same]).all()


def test_every_vector_of_a_sequence_of_latents_has_the_class_beside_it() -> None:
    condition = ClassCondition(names=NAMES, width=3)
    z, labels = torch.randn(5, 2, 4, 6), torch.tensor([1, -1])
    told = condition.tell(z, labels, rank=2)
    assert told.shape == (5, 2, 4, 9)
    assert torch.equal(told[..., :6], z)
    assert torch.equal(told[:, 0, :, 6:], condition.table.weight[1].expand(5, 4, 3))
    assert torch.equal(told[:, 1, :, 6:], condition.table.weight[2].expand(5, 4, 3))
    assert torch.equal(condition.tell(z[0], labels, rank=2), told[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"decoder": {"kind": "rnn", "hidden": 8, "injection": ("skip",)}},
        {"decoder": {"kind": "transformer", "hidden": 8, "layers": 1, "heads": 2}},
        {"decoder": {"kind": "gpt", "hidden": 8, "layers": 1, "heads": 2}},
        {"decoder": {"kind": "t5", "hidden": 8, "layers": 1, "heads": 2}},
        {"posterior": {"kind": "von_mises_fisher", "latent": 3}, "prior": {"kind": "uniform_sphere"}},
        {"posterior": {"kind": "diagonal", "latent": 2, "positions": 3}},
        {"prior": {"kind": "vamp", "components": 3}},
    ],
    ids=str,
)
def test_every_decoder_and_latent_takes_it(changes: dict[str, Any], make_batch: MakeBatch) -> None:
    torch.manual_seed(0)
    condition = {"kind": "classes", "names": NAMES, "width": 3, "hide": 0.0, "encoder": True}
    model = build_model(SPEC, {**SECTION, **changes, "condition": condition})
    batch = make_batch(SPEC)
    batch = SequenceBatch(batch.inputs, batch.lengths, labels=torch.tensor([0, 1, -1, 1]))
    Elbo()(model, batch, 0).total.backward()
    assert model.condition.table.weight.grad.abs().sum(1).min() > 0  # type: ignore[union-attr]
    model.eval()
    assert importance_log_weights(model, batch, 3).isfinite().all()
    assert len(generate(model, model.prior().sample(torch.Size([4])), Greedy(), 4, labels=batch.labels)) == 4


def test_the_posterior_is_told_where_it_is_asked_for(make_batch: MakeBatch) -> None:
    batch = make_batch(SPEC)
    zero, one = (SequenceBatch(batch.inputs, batch.lengths, labels=torch.full((4,), label)) for label in (0, 1))
    deaf, asked = build(names=NAMES).eval(), build(names=NAMES, encoder=True).eval()
    assert torch.equal(deaf.infer(zero)[1].mean, deaf.infer(one)[1].mean)
    assert (asked.infer(zero)[1].mean != asked.infer(one)[1].mean).all()


def test_a_share_of_labels_is_hidden_in_training_alone() -> None:
    condition, batch = ClassCondition(names=NAMES, hide=0.3), both(10_000)
    hidden = condition.train()(batch).labels
    assert (hidden < 0).float().mean().item() == pytest.approx(0.3, abs=4 * math.sqrt(0.3 * 0.7 / 10_000))
    assert torch.equal(hidden[hidden >= 0], batch.labels[hidden >= 0])  # type: ignore[index]
    assert condition.eval()(batch) is batch
    assert ClassCondition(names=NAMES, hide=0)(batch) is batch


def test_what_is_hidden_is_hidden_from_encoder_and_decoder() -> None:
    model = build(names=NAMES, hide=1.0, encoder=True)
    Elbo()(model.train(), both(4), 0).total.backward()
    gradient = model.condition.table.weight.grad
    assert gradient[:2].abs().max() == 0
    assert gradient[2].abs().min() > 0


def test_a_head_still_learns_the_labels_that_are_hidden() -> None:
    torch.manual_seed(0)
    heads = {"label": {"kind": "classification"}}
    model = build_model(SPEC, {**SECTION, "heads": heads, "condition": {"kind": "classes", "names": NAMES, "hide": 1.0}})
    assert (model.train()(both(4)).head_losses["label"] > 0).all()


def test_without_a_condition_nothing_changes() -> None:
    """The same weights from the same seed, and labels that nobody reads."""
    plain, none = build(), build_model(SPEC, {**SECTION, "condition": {"kind": "none"}})
    assert plain.state_dict().keys() == none.state_dict().keys()
    z = torch.randn(2, 4, 2)
    assert plain.told(z, torch.zeros(4, dtype=torch.int64)) is z


LABELS = [
    ("five", [1, 1]),
    (torch.tensor(1), [1, 1]),
    (0, [0, 0]),
    (-1, [-1, -1]),
    (["five", None], [1, -1]),
    ((np.int64(1), "0"), [1, 0]),
    (np.array([0, 1]), [0, 1]),
    (torch.tensor([1, -1]), [1, -1]),
]


@pytest.mark.parametrize(("given", "expected"), LABELS, ids=str)
def test_labels_by_name_and_by_number(given: Any, expected: list[int]) -> None:
    found = ClassCondition(names=NAMES).labels(given, 2)
    assert found is not None
    assert found.dtype == torch.int64
    assert found.tolist() == expected


def test_digits_are_names_where_the_classes_are_numbers() -> None:
    """Of ratings 1, 3 and 5 there is no "0"; the first class is asked for by its name, or as a number."""
    ratings = ClassCondition(names=("1", "3", "5"))
    assert ratings.labels(["3", 0, "1", None], 4).tolist() == [1, 0, 0, -1]  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match=r"label='0': no such class; known: 1, 3, 5"):
        ratings.labels("0", 1)


def test_a_name_comes_before_a_number() -> None:
    condition = ClassCondition(names=("1", "0", "10"))
    assert condition.labels("1", 1).tolist() == [0]  # type: ignore[union-attr]
    assert condition.labels(1, 1).tolist() == [1]  # type: ignore[union-attr]
    assert condition.labels(None, 1) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("fuor", r"label='fuor': no such class; did you mean 'four'\?"),
        (2, r"label=2: this model has 2 classes, 0 to 1 \(four, five\)"),
        ("2", r"label=2: this model has 2 classes"),
        (-2, r"label=-2"),
        (["four"], r"labels: 1 were given for 2 records"),
        ([0.5, 0.5], r"label=0\.5: no such class"),
        (0.5, r"label=0\.5: no such class"),
    ],
)
def test_unknown_classes_are_named(given: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ClassCondition(names=NAMES).labels(given, 2)


def test_a_model_without_classes_takes_no_labels() -> None:
    condition = registry.build("condition", "none")
    assert condition.labels(None, 3) is None
    with pytest.raises(ConfigError, match=r"label='cat': this model knows no classes; train one with model\.condition=classes"):
        condition.labels("cat", 3)
    assert condition.labels([None, -1, None], 3) is None
    with pytest.raises(ConfigError, match="label='cat'"):
        condition.labels([None, -1, "cat"], 3)


def test_the_classes_are_learnt_from_the_data() -> None:
    config = {"kind": "classes", "width": 8}
    learnt = ClassCondition.learnt(config, NAMES)
    assert learnt == {"kind": "classes", "width": 8, "names": ["four", "five"]}
    assert ClassCondition.learnt(learnt, NAMES) == learnt
    assert "names" not in config
    with pytest.raises(DataError, match=r"the data has no class labels; name the column that has them in data\.label"):
        ClassCondition.learnt(config, ())
    with pytest.raises(DataError, match=r"model\.condition\.names: the data has the classes four, not four, five"):
        ClassCondition.learnt(learnt, NAMES[:1])
    with pytest.raises(ConfigError, match="'a' stands twice"):
        ClassCondition(names=("a", "b", "a"))
