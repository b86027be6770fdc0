from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sacrebleu.metrics import BLEU

from seqvae.data.store import SequenceStore
from seqvae.evaluation.likelihood import posterior_pass
from seqvae.evaluation.reconstruction import reconstruction_metrics, reconstructions, token_accuracy
from seqvae.model import SequenceModel

EOS = 2


def tokens(*rows: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.int32) for row in rows]


class TestTokenAccuracy:
    @pytest.mark.parametrize(
        ("decoded", "share"),
        [
            ([5, 6, 7, EOS], 4 / 4),
            ([5, 9, 7, EOS], 3 / 4),
            ([5, 6, EOS], 2 / 4),  # too short: the third word and the end are missed
            ([5, 6, 7, 8, EOS], 3 / 4),  # too long: the end is missed
            ([6, 7, EOS], 0 / 4),  # shifted by one: positions count
            ([EOS], 0 / 4),
        ],
    )
    def test_by_hand(self, decoded: list[int], share: float) -> None:
        assert token_accuracy(tokens([5, 6, 7, EOS]), tokens(decoded)) == share

    def test_tokens_are_pooled_not_records(self) -> None:
        assert token_accuracy(tokens([5, EOS], [5, 6, 7, 8, 9, EOS]), tokens([5, EOS], [EOS])) == 2 / 8


class Echo:
    """A decoder that has learnt the records by heart: the latent is the record's row, and the features name the next token."""

    def __init__(self, model: SequenceModel, sequences: list[np.ndarray]) -> None:
        self.steps, self.sequences = model.decoder.steps, sequences

    def start(self, z: torch.Tensor) -> tuple[torch.Tensor, int]:
        return z[:, 0].round().long(), 0

    def step(self, inputs: torch.Tensor, state: tuple[torch.Tensor, int]) -> tuple[torch.Tensor, tuple[torch.Tensor, int]]:
        rows, t = state
        written = [int(self.sequences[r][t]) if t < len(self.sequences[r]) else EOS for r in rows.tolist()]
        return 50.0 * torch.nn.functional.one_hot(torch.tensor(written), self.steps.size), (rows, t + 1)

    def select(self, state: tuple[torch.Tensor, int], index: torch.Tensor) -> tuple[torch.Tensor, int]:
        return state[0][index], state[1]


def recite(held: Any, sequences: list[np.ndarray]) -> None:
    echo = Echo(held.model, sequences)
    del held.model.decoder
    held.model.decoder = echo
    held.model.likelihood.weight = torch.nn.Parameter(torch.eye(held.codec.spec.size))
    torch.nn.init.zeros_(held.model.likelihood.bias)


def metrics_of(held: Any, store: SequenceStore, rows: np.ndarray, means: torch.Tensor, **at_once: int) -> dict[str, float]:
    return reconstruction_metrics(held, store, rows, reconstructions(held, means, **at_once))


class TestMetrics:
    rows = np.array([4, 0, 2])  # out of order, as sorted by length

    def test_a_model_that_gives_everything_back(self, held: Any, store: SequenceStore) -> None:
        recite(held, [np.array(store[row]) for row in range(len(store))])
        metrics = metrics_of(held, store, self.rows, torch.tensor([[4.0], [0.0], [2.0]]))
        assert metrics == {"reconstruction_exact": 1.0, "bleu": pytest.approx(100.0), "reconstruction_token_accuracy": 1.0}

    def test_a_model_that_confuses_two_records(self, held: Any, store: SequenceStore) -> None:
        recite(held, [np.array(store[row]) for row in range(len(store))])
        metrics = metrics_of(held, store, self.rows, torch.tensor([[4.0], [0.0], [0.0]]))
        # "the dog sat </s>" read as "the cat sat on the mat </s>": two of its four tokens stand where they should
        assert metrics["reconstruction_exact"] == pytest.approx(2 / 3)
        assert metrics["reconstruction_token_accuracy"] == pytest.approx((15 + 7 + 2) / (15 + 7 + 4))
        read = ["a cat and a dog ran to the mat and sat on the mat", "the cat sat on the mat", "the cat sat on the mat"]
        expected = BLEU(tokenize="none").corpus_score(read, [[*read[:2], "the dog sat"]])
        assert metrics["bleu"] == pytest.approx(expected.score)

    def test_means_belong_to_their_rows(self, held: Any, store: SequenceStore) -> None:
        measured = posterior_pass(held.model, store)
        whole = metrics_of(held, store, measured.rows, measured.means)
        turned = metrics_of(held, store, measured.rows[::-1], measured.means.flip(0), at_once=2)
        assert turned == pytest.approx(whole)

    def test_vectors_have_no_token_accuracy(self, held: Any, store: SequenceStore) -> None:
        recite(held, [np.array(store[row]) for row in range(len(store))])
        held.codec.spec = replace(held.codec.spec, discrete=False)
        assert "reconstruction_token_accuracy" not in metrics_of(held, store, np.array([0]), torch.zeros(1, 1))
