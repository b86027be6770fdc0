from __future__ import annotations

import math
from typing import Any

import pytest

from seqvae import recipe
from seqvae.evaluation.verdict import verdict


def card(rate: float, information: float | None, active: int, latent: int = 32, count: int = 10_000) -> dict[str, Any]:
    metrics: dict[str, Any] = {"rate_nats": rate, "active_units": active, "latent_dim": latent}
    if information is not None:
        metrics |= {"mi_nats": information, "mi_bound_nats": math.log(count)}
    return metrics


COLLAPSED = {
    "posterior on the prior": card(0.0, 0.0, 0),
    "posterior all but on the prior": card(0.1, 0.1, 1),
    "posterior on the prior, information not measured": card(0.0, None, 0),
    "floor met by a constant posterior": card(26.0, 0.0, 0),
    "floor met by a constant posterior, information not measured": card(26.0, None, 0),
    "floor met by a posterior that barely moves": card(26.0, 0.01, 1),
    "delta-VAE on Yahoo, as published": card(3.2, 0.0, 0),
    "estimator noise below zero": card(26.0, -0.02, 0),
}
ALIVE = {
    "batch-norm VAE on Yahoo, as published": card(8.8, 7.4, 32),
    "aggressive training on Yahoo, as published": card(5.7, 2.9, 15),
    "cyclical annealing on Yahoo, as published": card(2.1, 2.0, 9),
    "validation, information not measured": card(9.0, None, 20),
    "sphere in 128 dimensions, where no coordinate varies by 0.01": card(6.0, 4.0, 0, latent=128),
}


@pytest.mark.parametrize("metrics", COLLAPSED.values(), ids=COLLAPSED)
def test_collapse_is_called_so(metrics: dict[str, Any]) -> None:
    found = verdict(metrics)
    assert found.collapsed
    assert found.sentence.startswith("Collapsed: ")
    assert found.advice.startswith("What to try first: ")


@pytest.mark.parametrize("metrics", ALIVE.values(), ids=ALIVE)
def test_a_latent_in_use_is_not(metrics: dict[str, Any]) -> None:
    found = verdict(metrics)
    assert not found.collapsed
    assert found.sentence.startswith("Not collapsed")


def test_a_rate_without_information_is_told_from_a_rate_of_zero() -> None:
    assert "rate of 26.00 nats" in verdict(card(26.0, 0.0, 0)).sentence
    assert "same for every record (0.00 nats of information, 0 of 32 units active)" in verdict(card(26.0, 0.0, 0)).sentence
    assert "the posterior is the prior (rate 0.01 nats)" in verdict(card(0.01, 0.0, 0)).sentence


def test_a_healthy_model_needs_no_advice() -> None:
    found = verdict(card(8.8, 7.4, 32))
    assert found.sentence == "Not collapsed: 7.40 of 8.80 nats of rate tell records apart, 32 of 32 units active."
    assert found.advice == ""


def test_few_active_units_are_mentioned() -> None:
    found = verdict(card(4.1, 3.8, 3))  # free bits on Yahoo, as published
    assert not found.collapsed
    assert "few units are active" in found.sentence
    assert "3 of 32 units active" in found.sentence
    assert found.advice


def test_a_rate_mostly_without_information_is_mentioned() -> None:
    found = verdict(card(26.0, 1.5, 20))
    assert not found.collapsed
    assert "only 1.50 of 26.00 nats" in found.sentence
    assert found.advice


def test_information_at_its_bound_is_a_lower_bound_and_no_waste() -> None:
    found = verdict(card(26.0, math.log(100) - 0.01, 32, count=100))
    assert found.sentence.startswith("Not collapsed: at least 4.60 of 26.00 nats")


def test_one_record_tells_nothing() -> None:
    found = verdict(card(26.0, 0.0, 0, count=1))
    assert not found.collapsed
    assert "Too few records" in found.sentence


def test_validation_metrics_are_enough() -> None:
    metrics = {"elbo_nats": -90.0, "rate_nats": 6.0, "distortion_nats": 84.0, "active_units": 0, "rate_per_dimension": [1.0] * 6}
    assert verdict(metrics).collapsed
    assert "0 of 6 units active" in verdict(metrics).sentence


DIAGNOSED = {"decoder_sensitivity_nats": 5.0, "round_trip_posterior": 0.8, "round_trip_prior": 0.7}
DEAF = {**card(8.8, 7.4, 32), **DIAGNOSED, "decoder_sensitivity_nats": 0.02}
HOLES = {**card(8.8, 7.4, 32), **DIAGNOSED, "round_trip_prior": 0.3}


def test_information_that_the_decoder_does_not_read_is_collapse() -> None:
    found = verdict(DEAF)
    assert found.collapsed
    assert "the decoder does not listen: with the latents of other records it loses 0.02 nats" in found.sentence
    assert found.cures


def test_holes_in_the_prior_are_mentioned() -> None:
    found = verdict(HOLES)
    assert not found.collapsed
    assert "the prior has holes" in found.sentence
    assert "30 % comes back through the decoder and the encoder, of one from the data 80 %" in found.sentence
    assert verdict({**card(8.8, 7.4, 32), **DIAGNOSED}).advice == ""


def test_the_first_change_is_one_that_the_recipe_does_not_have() -> None:
    """`text-lstm` has free bits, annealing and pooling; the plain recipe has none of the three."""
    full = recipe.load("text-lstm")
    plain = recipe.load("text-lstm", ["objective=elbo", "objective.rate=null", "model.encoder.pooling=last"])
    assert verdict(card(0.0, 0.0, 0)).first_change(plain).settings == ("objective.rate=free_bits",)
    assert verdict(card(26.0, 0.0, 0)).first_change(plain).settings == ("model.encoder.pooling=max",)
    assert verdict(card(26.0, 0.0, 0)).first_change(full).settings == ("objective.beta.kind=linear", "objective.beta.steps=5000")
    assert verdict(card(8.8, 7.4, 32)).first_change(full) is None


def test_a_change_that_the_recipes_parts_do_not_take_is_passed_over() -> None:
    """IWAE charges no shaped rate, so a floor under it is nothing to try."""
    iwae = recipe.load("text-lstm", ["objective=iwae", "objective.beta=null"])
    assert verdict(card(0.0, 0.0, 0)).first_change(iwae).settings[0] == "objective.beta.kind=linear"


@pytest.mark.parametrize("metrics", [*COLLAPSED.values(), card(4.1, 3.8, 3), card(26.0, 1.5, 20), DEAF, HOLES])
def test_the_advice_can_be_typed(metrics: dict[str, Any]) -> None:
    found = verdict(metrics)
    settings = [setting for cure in found.cures for setting in cure.settings]
    assert settings
    assert all(setting in found.advice for setting in settings)
    recipe.load("text-lstm", settings)


def test_without_a_density_active_units_decide_and_the_missing_numbers_are_explained() -> None:
    alive, dead = (verdict({"active_units": units, "latent_dim": 32}) for units in (20, 0))
    assert not alive.collapsed
    assert dead.collapsed
    assert all("without a density, so rate, ELBO, NLL and mutual information do not exist" in v.sentence for v in (alive, dead))
    assert "seqvae fit-prior" in alive.advice
    deaf = verdict({"active_units": 20, "latent_dim": 32, "decoder_sensitivity_nats": 0.0})
    assert deaf.collapsed
    assert "does not listen" in deaf.sentence
