"""A study made up by hand, so that what is drawn and written can be compared with what was put in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import pytest

from seqvae.cli.report.study import Study, Walk
from seqvae.evaluation.card import table
from seqvae.evaluation.verdict import verdict

METRICS = {"count": 9, "nll_nats": 7.5, "rate_nats": 3.0, "mi_nats": 2.5, "mi_bound_nats": 6.0, "active_units": 3, "latent_dim": 4}


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """`make_study(name="text", floor=None)`."""

    def make(**changes: object) -> Study:
        chance = np.random.default_rng(0)
        history = [{"kind": "train", "step": 10, "seconds": 3.0}]
        for step, distortion, rate in ((10, 20.0, 1.0), (20, 12.0, 2.0), (30, 9.0, 3.0)):
            bound = {"elbo_nats": -(distortion + rate), "distortion_nats": distortion, "rate_nats": rate}
            history.append({"kind": "valid", "step": step, **bound, "rate_per_dimension": [0.1, 1.5, 0.4, 1.0]})
        study = Study(
            name="text",
            records="sentences",
            unit="word",
            source="a book",
            run=Path("demo/text"),
            facts={"training_records": 1234, "parameters": 1_500_000, "hardware": "CPU, 2 threads"},
            seconds=3.0,
            history=history,
            floor=0.4,
            metrics=METRICS,
            rows=table(METRICS),
            verdict=verdict(METRICS),
            show=lambda record: f"<p>{escape(record)}</p>",
            samples=["a <b>sample</b>", "another & more"],
            reconstructions=[("given one", "made one"), ("given two", "made two")],
            walks=[Walk(1, 3, ["p1", "p2", "p3"], np.eye(3, 2)), Walk(2, 3, ["q1", "q2"], np.ones((2, 2)))],
            places=chance.normal(size=(50, 2)),
            sizes=chance.integers(1, 20, 50),
            named={3: "third", 7: "seventh", 11: "eleventh"},
            explained=(0.25, 0.125),
        )
        return dataclasses.replace(study, **changes)

    return make
