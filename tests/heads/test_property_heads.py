"""The heads of a model: which label goes to which, and what they add to the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from seqvae import registry
from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError, DataError
from seqvae.heads.classification import ClassificationHead
from seqvae.heads.property_heads import PropertyHeads, check_ordered, target_of
from seqvae.heads.regression import RegressionHead
from seqvae.objectives.elbo import Elbo

HEADS = {"logp": {"kind": "regression"}, "label": {"kind": "classification", "weight": 3.0, "reads": "sample"}}


@pytest.fixture
def labelled(make_batch: Any, tokens: Any) -> SequenceBatch:
    properties = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, torch.nan], [0.0, 4.0]])
    return replace(make_batch(tokens), properties=properties, labels=torch.tensor([1, 0, 1, -1]))


def with_heads(make_model: Any, batch: SequenceBatch, configs: dict[str, Any] = HEADS) -> Any:
    model = make_model(dtype=torch.float32)
    model.heads = PropertyHeads(registry.build_named("head", configs, model.event_shape))
    model.heads.supervise(["other", "logp"], batch.properties, batch.labels)
    return model


def test_each_head_learns_from_its_own_column(make_model: Any, labelled: SequenceBatch) -> None:
    model = with_heads(make_model, labelled)
    assert model.heads["logp"].mean.item() == pytest.approx(7 / 3)
    losses = model(labelled).head_losses
    assert {name: (loss == 0).tolist() for name, loss in losses.items()} == {
        "logp": [False, False, True, False],
        "label": [False, False, False, True],
    }


def test_the_objective_adds_what_the_heads_cost_and_nothing_else(make_model: Any, labelled: SequenceBatch) -> None:
    model = with_heads(make_model, labelled)
    torch.manual_seed(1)
    joint = Elbo()(model, labelled, 0)
    torch.manual_seed(1)
    alone = Elbo()(model, replace(labelled, properties=None, labels=None), 0)
    torch.testing.assert_close(joint.per_sequence - alone.per_sequence, joint.terms["head_logp"] + joint.terms["head_label"])
    assert set(alone.terms) == {"distortion", "rate"}


def test_the_weight_multiplies_the_loss(make_model: Any, labelled: SequenceBatch) -> None:
    model = with_heads(make_model, labelled)
    torch.manual_seed(1)
    heavy = model(labelled).head_losses["label"]
    model.heads["label"].weight = 1.0
    torch.manual_seed(1)
    torch.testing.assert_close(heavy, 3 * model(labelled).head_losses["label"])


def test_the_encoder_learns_from_the_heads(make_model: Any, labelled: SequenceBatch) -> None:
    model = with_heads(make_model, labelled)
    model(labelled).supervision.sum().backward()
    assert any((p.grad != 0).any() for p in model.encoder.parameters())
    assert all(p.grad is None or (p.grad == 0).all() for p in model.decoder.parameters())


def test_a_model_without_heads_is_as_before(make_model: Any, labelled: SequenceBatch) -> None:
    model = make_model(dtype=torch.float32)
    output = model(labelled)
    assert output.head_losses == {}
    assert output.supervision.tolist() == [0.0] * 4
    assert not [name for name in model.state_dict() if name.startswith("heads")]


def test_where_labels_come_from() -> None:
    properties, labels = torch.tensor([[1.0], [2.0]]), torch.tensor([1, -1])
    assert target_of("p", {"p": 0}, properties, None).tolist() == [1, 2]  # type: ignore[union-attr]
    assert str(target_of("label", {"p": 0}, properties, labels).tolist()) == "[1.0, nan]"  # type: ignore[union-attr]
    assert target_of("label", {"label": 0}, properties, labels).tolist() == [1, 2]  # type: ignore[union-attr]
    assert target_of("q", {"p": 0}, properties, labels) is None


def test_data_that_lacks_the_property(make_model: Any, labelled: SequenceBatch) -> None:
    with pytest.raises(DataError, match=r"model.heads.qed: the data has no property 'qed' \(it has other, logp\); name its column"):
        with_heads(make_model, labelled, {"qed": {"kind": "regression"}})
    nothing = replace(labelled, properties=torch.full((4, 2), torch.nan))
    with pytest.raises(DataError, match=r"every value of 'logp' is missing"):
        with_heads(make_model, nothing, {"logp": {"kind": "regression"}})
    endless = replace(labelled, properties=torch.full((4, 2), torch.inf))
    with pytest.raises(DataError, match=r"a value of 'logp' is infinite"):
        with_heads(make_model, endless, {"logp": {"kind": "regression"}})


def test_the_numbers_of_classes_are_not_regressed(make_model: Any, labelled: SequenceBatch) -> None:
    """Unless a column of numbers is called so."""
    with pytest.raises(DataError, match=r"model.heads.label: the number of a class is no quantity to predict; use kind=class"):
        with_heads(make_model, labelled, {"label": {"kind": "regression"}})
    check_ordered("label", {"label": 0}, RegressionHead)
    check_ordered("label", {}, ClassificationHead)


def test_asking_for_a_head_that_is_not_there() -> None:
    heads = PropertyHeads(registry.build_named("head", {"logp": {"kind": "regression"}}, torch.Size([2])))
    with pytest.raises(ConfigError, match=r"no head for 'logP'; did you mean 'logp'\?"):
        heads["logP"]
    with pytest.raises(ConfigError, match=r"nor any; fit one with: seqvae fit-heads RUN --property qed"):
        PropertyHeads({})["qed"]
    with pytest.raises(ConfigError, match=r"a head cannot be called 'values'; call the property 'values_'"):
        PropertyHeads({"values": torch.nn.Identity()})


def test_further_heads_stand_beside_those_there_and_replace_their_own() -> None:
    configs = {name: {"kind": "regression"} for name in ("a", "b")}
    before, new = (PropertyHeads(registry.build_named("head", configs, torch.Size([2]))) for _ in range(2))
    after = before.updated({"b": new["b"], "c": new["a"]})
    assert [after[name] for name in after] == [before["a"], new["b"], new["a"]]
    assert list(before) == ["a", "b"]
