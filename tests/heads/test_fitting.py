from __future__ import annotations

import pytest
import torch

from seqvae import registry
from seqvae.errors import DataError
from seqvae.heads.fitting import fit_head, fit_heads

EVENT = torch.Size([3])


def test_a_line_is_found_whatever_its_unit() -> None:
    z = torch.randn(300, 3)
    targets = 1000 + 50 * (z @ torch.tensor([1.0, -2.0, 0.5]))
    targets[::7] = torch.nan
    head = registry.build("head", {"kind": "regression", "ensemble": 2}, EVENT)
    fit_head(head, z, targets, steps=250)
    unseen = torch.randn(200, 3)
    found = head.metrics(head.predict(unseen).mean.detach(), 1000 + 50 * (unseen @ torch.tensor([1.0, -2.0, 0.5])))
    assert found["r2"] > 0.99
    assert not head.training


def test_members_agree_on_the_data_and_differ_far_from_it() -> None:
    z = torch.randn(300, 3)
    head = registry.build("head", {"kind": "regression", "ensemble": 4}, EVENT)
    fit_head(head, z, z[:, 0].sin(), steps=150)
    with torch.no_grad():
        assert head.predict(8 * z).spread.mean() > 5 * head.predict(z).spread.mean()


def test_labels_that_teach_nothing() -> None:
    head = registry.build("head", {"kind": "regression"}, EVENT)
    with pytest.raises(DataError, match="every value of the property is missing"):
        fit_head(head, torch.zeros(2, 3), torch.full((2,), torch.nan))
    with pytest.raises(DataError, match="infinite"):
        fit_head(head, torch.zeros(2, 3), torch.tensor([1.0, torch.inf]))


def test_the_heads_with_targets_are_made_and_fitted() -> None:
    z = torch.randn(40, 3)
    configs = {name: {"kind": "regression", "depth": 1} for name in ("old", "first", "second")}
    wanted = {"first": z[:, 0], "second": 5 - z[:, 1]}
    heads = fit_heads(configs, EVENT, z, wanted, steps=200)
    assert list(heads) == ["first", "second"]
    for name, head in heads.items():
        assert head.metrics(head.predict(z).mean.detach(), wanted[name])["r2"] > 0.99  # type: ignore[operator]
