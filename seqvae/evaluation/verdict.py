"""Has the posterior collapsed? Judged by what the latent tells, not by what it costs.

    rate = I(x;z) + KL(q(z) || p(z))

A collapsed model sends nothing, and there are two ways to send nothing. The posterior may lie on the prior: rate 0. Or it may lie
off the prior at the same place for every x, which a floor under the rate (free bits, a minimum rate, delta-VAE) invites: many nats
of rate, no active unit, no mutual information. By its rate alone the second kind passes for healthy.

Mutual information decides where it was measured; active units stand in for it where it was not. Active units depend on the scale of
the latent (on a sphere in 128 dimensions no coordinate has variance 0.01), mutual information does not.

A third way is to send what nobody reads: a posterior that differs between records, and a decoder that does not listen. A diagnosis,
which swaps latents between records, sees it; the report card does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqvae import recipe as recipes
from seqvae.errors import ConfigError
from seqvae.recipe import Recipe

COLLAPSED_NATS = 0.2  # published collapsed models have 0 to 0.1 nats of information, models whose latent is in use 0.9 up
FEW_ACTIVE = 0.25  # of the latent dimensions; below it the latent is worth making smaller, or feeding better
INFORMED_RATE = 0.5  # information below this share of the rate: most of the rate pays for distance from the prior
BOUND_MARGIN = 0.5  # nats; an estimate nearer than this to its bound ln N says only "at least"
DEAF_NATS = 0.1  # what swapping latents costs a decoder that does not read them, give or take the noise of one sample a record
ROUND_TRIP_LOSS = 0.25  # by how much less of a latent from the prior may come back than of one from the data


class Cure(NamedTuple):
    """Something to try: what it does, and the settings that do it."""

    what: str
    settings: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what} ({' '.join(self.settings)})"


FLOOR = Cure("give the rate a floor", ("objective.rate=free_bits",))
ANNEAL = Cure("start with the rate free of charge", ("objective.beta.kind=linear", "objective.beta.steps=5000"))
POOL = Cure("pool the encoder's states", ("model.encoder.pooling=max",))
LOWER = Cure("lower the floor under the rate", ("objective.rate.nats=0.1",))
SMALLER = Cure("a smaller latent would do", ("model.posterior.latent=16",))
FEED = Cure("tell the decoder the latent at every step", ("model.decoder.injection=[initial_state, input]",))
FORGET = Cure("let the decoder see less of its own words", ("model.decoder.word_dropout=0.3",))
EX_POST = "To sample, fit a density to the encodings: seqvae fit-prior RUN, then seqvae sample RUN --prior ex_post."
HOLD = Cure("hold the aggregated posterior to the prior", ("objective=info",))


@dataclass(frozen=True)
class Verdict:
    """Whether the model has collapsed, why that is the finding, and what to try, the likeliest first; nothing where all is well."""

    collapsed: bool
    sentence: str
    cures: tuple[Cure, ...] = ()
    remark: str = ""

    @property
    def advice(self) -> str:
        """The cures in a sentence; empty when there are none."""
        return self.remark or (f"What to try first: {'; '.join(map(str, self.cures))}." if self.cures else "")

    def first_change(self, recipe: Recipe) -> Cure | None:
        """The first cure that the recipe does not have already and that fits it; None where there is none to try."""
        config = recipe.to_config()
        return next((cure for cure in self.cures if _changes(config, recipe, cure)), None)


def _changes(config: Mapping[str, Any], recipe: Recipe, cure: Cure) -> bool:
    try:
        return recipes.check(recipes.override(config, cure.settings)) != recipe
    except ConfigError:  # a setting that this recipe's parts do not take
        return False


def verdict(metrics: Mapping[str, Any]) -> Verdict:
    """The finding on a model.

    Args:
        metrics: `rate_nats` (absent for a posterior without a density) and `active_units`; `mi_nats` with `mi_bound_nats` where
        measured; `latent_dim`, or
            `rate_per_dimension` in its place. As `evaluate` and `validation_metrics` give them. What `diagnose` adds is used too.
    """
    if "rate_nats" not in metrics:
        return _without_density(metrics)
    rate, information = float(metrics["rate_nats"]), metrics.get("mi_nats")
    bound = float(metrics.get("mi_bound_nats", float("inf")))
    if information is not None and bound < 2 * COLLAPSED_NATS:
        sentence = "Too few records to tell whether the posterior has collapsed."
        return Verdict(False, sentence, remark="Evaluate at least a hundred.")
    if rate < COLLAPSED_NATS:
        return _on_prior(rate)
    if (information is not None and information < COLLAPSED_NATS) or (information is None and not metrics["active_units"]):
        return _constant(rate, information, metrics)
    if metrics.get("decoder_sensitivity_nats", DEAF_NATS) < DEAF_NATS:
        return _deaf(information, metrics)
    return _alive(rate, information, bound, metrics)


def _without_density(metrics: Mapping[str, Any]) -> Verdict:
    missing = "the posterior is a point without a density, so rate, ELBO, NLL and mutual information do not exist"
    if not metrics["active_units"]:
        return Verdict(True, f"Collapsed: every record has nearly the same latent ({_units(metrics)}); {missing}.", (POOL,))
    if metrics.get("decoder_sensitivity_nats", DEAF_NATS) < DEAF_NATS:
        return _deaf(None, metrics)
    return Verdict(False, f"Not collapsed: {_units(metrics)}; {missing}.", remark=EX_POST)


def _on_prior(rate: float) -> Verdict:
    sentence = f"Collapsed: the posterior is the prior (rate {rate:.2f} nats), so the latent says nothing about the record."
    return Verdict(True, sentence, (FLOOR, ANNEAL, POOL))


def _constant(rate: float, information: float | None, metrics: Mapping[str, Any]) -> Verdict:
    told = "" if information is None else f"{max(information, 0):.2f} nats of information, "
    sentence = (
        f"Collapsed: a rate of {rate:.2f} nats, but the posterior is nearly the same for every record ({told}{_units(metrics)}); "
        "a floor under the rate is met without information."
    )
    return Verdict(True, sentence, (POOL, ANNEAL, LOWER))


def _deaf(information: float | None, metrics: Mapping[str, Any]) -> Verdict:
    told = f"{information:.2f} nats" if information is not None else _units(metrics)
    sentence = (
        f"Collapsed: the latent tells records apart ({told}), but the decoder does not listen: with the latents of other records "
        f"it loses {max(metrics['decoder_sensitivity_nats'], 0):.2f} nats."
    )
    return Verdict(True, sentence, (FEED, FORGET, ANNEAL))


def _alive(rate: float, information: float | None, bound: float, metrics: Mapping[str, Any]) -> Verdict:
    says = f"a rate of {rate:.2f} nats"
    if information is not None:
        at_bound = information > bound - BOUND_MARGIN
        says = f"{'at least ' if at_bound else ''}{information:.2f} of {rate:.2f} nats of rate tell records apart"
        if not at_bound and information < INFORMED_RATE * rate:
            sentence = f"Not collapsed, but wasteful: only {says}, {_units(metrics)}; samples from the prior will suffer."
            return Verdict(False, sentence, (LOWER, POOL))
    active, latent = metrics["active_units"], _latent(metrics)
    if latent and active < FEW_ACTIVE * latent:
        sentence = f"Not collapsed, but few units are active: {says}, {_units(metrics)}."
        return Verdict(False, sentence, (SMALLER, ANNEAL, POOL))
    here, there = metrics.get("round_trip_posterior"), metrics.get("round_trip_prior")
    if here is not None and there is not None and there < here - ROUND_TRIP_LOSS:
        sentence = (
            f"Not collapsed, but the prior has holes: {says}, {_units(metrics)}; of a latent drawn from the prior {_share(there)} "
            f"comes back through the decoder and the encoder, of one from the data {_share(here)}."
        )
        return Verdict(False, sentence, (HOLD,))
    return Verdict(False, f"Not collapsed: {says}, {_units(metrics)}.")


def _share(part: float) -> str:
    return f"{100 * max(part, 0):.0f} %"


def _latent(metrics: Mapping[str, Any]) -> int:
    """Latent dimensions, 0 where unknown."""
    return int(metrics.get("latent_dim") or len(metrics.get("rate_per_dimension", ())))


def _units(metrics: Mapping[str, Any]) -> str:
    latent = _latent(metrics)
    return f"{metrics['active_units']}{f' of {latent}' if latent else ''} units active"
