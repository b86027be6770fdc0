"""Plateau decay and the end of training, against sequences worked out by hand."""

from __future__ import annotations

import math

from seqvae.recipe import PlateauDecay, TrainingSettings
from seqvae.training.progress import Progress


def test_plateau_decay_by_hand() -> None:
    decay = PlateauDecay(patience=2, after_epoch=1, max_decays=5)
    progress = Progress()
    seen = []
    # (epoch, ELBO): two bad validations before epoch 1 do not count; then the second bad one in a row lowers the rate
    for step, (epoch, elbo) in enumerate(
        [(0, -10), (0, -11), (0, -12), (1, -11), (1, -12), (2, -9), (2, -10), (3, -9.5), (3, -9.4)], start=1
    ):
        progress.step, progress.epoch = step, epoch
        seen.append(progress.validated(elbo, decay, settled=True))
    assert seen == [
        (True, False),
        (False, False),
        (False, False),
        (False, False),
        (False, True),
        (True, False),
        (False, False),
        (False, True),
        (False, False),
    ]
    assert (progress.decays, progress.best_elbo, progress.best_step) == (2, -9, 6)


def test_no_decay_while_beta_still_rises() -> None:
    progress = Progress(epoch=9)
    progress.validated(-10, PlateauDecay(patience=1, after_epoch=0), settled=False)
    assert progress.validated(-11, PlateauDecay(patience=1, after_epoch=0), settled=False) == (False, False)
    assert progress.validated(-11, PlateauDecay(patience=1, after_epoch=0), settled=True) == (False, True)


def test_json_round_trip_keeps_minus_infinity() -> None:
    progress = Progress(step=3, seconds=1.5)
    assert math.isinf(progress.best_elbo)
    assert Progress.from_json(progress.to_json()) == progress


def test_training_ends_at_whichever_comes_first() -> None:
    settings = TrainingSettings(steps=10, epochs=2)
    assert not Progress(step=9, epoch=1).reached(settings)
    assert Progress(step=10, epoch=0).reached(settings)
    assert Progress(step=5, epoch=2).reached(settings)
