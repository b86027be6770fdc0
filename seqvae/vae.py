"""SeqVAE, what a user holds: a model, its codec and its modality. Records in, records out.

    vae = SeqVAE.from_pretrained("runs/reviews")
    z = vae.encode(["the cat sat"])               # [1,K] posterior means
    vae.decode(z); vae.sample(16); vae.interpolate("the cat sat", "a dog ran")

A record is what the modality says it is (a sentence, a drawing, a molecule); a string is read as on the command line.
Latents are `[N,*event]` tensors on the model's device, rows in the order of the records.

A model that knows classes (`model.condition`) takes those of records as `labels`: one for all of them or one for each, by name or
by number; where there can be but one, for the whole of a path, as `label`. None is the class unknown, and another model takes
nothing else. Where the encoder is told classes (`model.condition.encoder`), a record's latent depends on its class, and every call
that encodes it wants the same label.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor
from torch.distributions import Distribution

from seqvae import recipe as recipes
from seqvae.conditions.labels import Label, Labels
from seqvae.data.codec import Codec
from seqvae.data.computed import Given, property_values
from seqvae.distributions import support
from seqvae.encoding import as_batch, posterior, record_batches
from seqvae.errors import ConfigError, DataError, nearest
from seqvae.generation.beam import beam_search
from seqvae.generation.constraints import Constraint
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy, SamplingRule
from seqvae.heads.ensemble import Prediction
from seqvae.heads.fitting import fit_heads
from seqvae.importance import importance_log_weights, iwae
from seqvae.inference import device_of, evaluating, seeded
from seqvae.latents import Latents, are_latents, checked_latents
from seqvae.likelihoods.categorical import Rule
from seqvae.model import SequenceModel
from seqvae.neighbours import Metric, Neighbours, nearest_neighbours
from seqvae.paths import path
from seqvae.priors.ex_post import fit_mixture
from seqvae.recipe import Recipe
from seqvae.storage import hub, pretrained
from seqvae.storage.sources import locate

log = logging.getLogger("seqvae")
POSTERIORS = 8_192  # records whose posteriors are held at once while encoding
GREEDY = Greedy()


class SeqVAE:
    """A variational autoencoder of sequences, ready to use.

    Args:
        model: the five parts.
        codec: fitted.
        modality: what the records are.
        recipe: what the model was, or will be, trained by.
        max_length: longest sequence to generate, in steps.
        metrics: what was measured of it, plain values that go into JSON.
    """

    def __init__(
        self,
        model: SequenceModel,
        codec: Codec,
        modality: Any,
        recipe: Recipe,
        max_length: int,
        metrics: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.codec, self.modality, self.recipe, self.max_length = model, codec, modality, recipe, max_length
        self.metrics: dict[str, Any] = dict(metrics or {})
        self.ex_post: Mapping[str, Any] | None = None  # what `model.ex_post` was built from

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return device_of(self.model)

    def to(self, device: torch.device | str) -> Self:
        """Move the model.

        Raises:
            ConfigError: no such device.
        """
        try:
            self.model.to(device)
        except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
            raise ConfigError(
                f"device={device}: {str(error).splitlines()[0]}; give cpu, or cuda on a machine that has it"
            ) from None
        return self

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that the model knows, by number; none for a model without a condition."""
        return self.model.condition.names

    def encode(self, records: Sequence[Any], sample: bool = False, seed: int | None = None, labels: Labels = None) -> Tensor:
        """Latents `[N,*event]` of records, in their order.

        Args:
            records: any number from 1; an over-long one is no trouble.
            sample: draw from each posterior instead of taking its mean.
            seed: of the draws.
            labels: the records' classes, which change nothing unless the encoder is told them; -1 where unknown.

        Raises:
            DataError: no records, or one that is none (an empty sentence).
            ConfigError: labels that the model does not know.
        """
        parsed = self._parsed(records)
        known = self._told(labels, len(parsed))
        with seeded(seed):
            parts = (self._posterior(parsed, known, slice(i, i + POSTERIORS)) for i in range(0, len(parsed), POSTERIORS))
            return torch.cat([part.sample() if sample else part.mean for part in parts])

    def posterior(self, records: Sequence[Any], labels: Labels = None) -> Distribution:
        """q(z|x), batch `[N]`, event `event`, rows in the order of the records. Arguments and errors as `encode`."""
        parsed = self._parsed(records)
        return self._posterior(parsed, self._told(labels, len(parsed)), slice(None))

    def decode(
        self,
        z: Latents,
        rule: Rule = GREEDY,
        beam: int | None = None,
        seed: int | None = None,
        labels: Labels = None,
    ) -> list[Any]:
        """A record for each latent.

        Args:
            z: `[N,*event]`.
            rule: how each step is chosen; greedy unless told otherwise.
            beam: search with so many hypotheses a latent instead, for the likeliest sequence.
            seed: of the draws.
            labels: of what class each record is to be.

        Raises:
            DataError: latents of another shape, or not finite.
            ConfigError: a beam for a model that does not write tokens, or labels that it does not know.
        """
        z = checked_latents(self.model, z)
        known, constraint = self._labels(labels, len(z)), self.constraint()
        if beam is not None:
            return self.codec.decode(beam_search(self.model, z, beam, self.max_length, constraint=constraint, labels=known))
        with seeded(seed):
            return self.codec.decode(generate(self.model, z, rule, self.max_length, constraint=constraint, labels=known))

    def sample(
        self,
        n: int = 16,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        prior: Literal["model", "ex_post"] = "model",
        labels: Labels = None,
    ) -> list[Any]:
        """New records: latents from the prior, decoded by chance.

        Many at a time are drawn faster inside `torch.autocast(device, torch.bfloat16)`, where the hardware has that type.

        Args:
            n: how many.
            temperature, top_k, top_p: see `SamplingRule`.
            seed: of all chance.
            prior: the model's own, or the density that `fit_prior` has fitted to encodings.
            labels: of what class each record is to be.

        Raises:
            ConfigError: a number out of its range; an unknown prior or class; an ex-post prior that has not been fitted.
        """
        rule = SamplingRule(temperature, top_k, top_p)
        with seeded(seed):
            with evaluating(self.model):
                z = self._prior(prior)().sample(torch.Size([_at_least_one("n", n)]))
            return self.decode(z, rule, labels=labels)

    def fit_prior(
        self,
        records: Sequence[Any] | Latents,
        components: int = 10,
        covariance: Literal["full", "diagonal"] | None = None,
        seed: int | None = None,
        labels: Labels = None,
    ) -> None:
        """Fit a Gaussian mixture to encodings, for `sample(prior="ex_post")`; it is saved with the model (Ghosh et al. 2020).

        Samples of the model's prior decode badly where the encodings do not cover it, and a deterministic posterior is never made
        to. On a sphere the mixture is that of the surrounding space, and its samples are taken to the sphere.

        Args:
            records: to encode, most likely those trained on, each by one sample of its posterior; or their latents `[N,*event]`.
            components: Gaussians.
            covariance: full where latents are vectors and diagonal where they are sequences, unless given.
            seed: of the samples and of where the fit begins.
            labels: the records' classes, as for `encode`.

        Raises:
            ConfigError: fewer than one component, or full covariances over a sequence of latents; labels that `encode` refuses, or
                labels of latents.
            DataError: as `encode`; fewer records than components, or a collapsed model.
        """
        _at_least_one("components", components)
        with seeded(seed):
            z = self._encoded(records, labels, sample=True)
            self.model.ex_post, self.ex_post = fit_mixture(z, components, covariance)

    def reconstruct(
        self,
        records: Sequence[Any],
        rule: Rule = GREEDY,
        beam: int | None = None,
        seed: int | None = None,
        labels: Labels = None,
    ) -> list[Any]:
        """What each record's posterior mean decodes to. Arguments and errors as `encode` and `decode`."""
        return self.decode(self.encode(records, labels=labels), rule, beam, seed, labels)

    def interpolate(
        self, a: Any, b: Any, steps: int = 8, method: Literal["slerp", "linear"] = "slerp", label: Label = None
    ) -> list[Any]:
        """Records along the path between two records' latents, the reconstructions of both included; all of class `label`.

        Raises:
            ConfigError: an unknown method or class, or fewer than two steps.
            DataError: as `encode`.
        """
        start, end = self.encode([a, b], labels=label)
        return self.decode(path(start, end, steps, method), labels=label)

    def arithmetic(self, a: Any, b: Any, c: Any, label: Label = None) -> Any:
        """The record at z(a) - z(b) + z(c): a is to b as the result is to c; all of class `label`.

        Raises:
            ConfigError, DataError: as `encode`.
        """
        z = self.encode([a, b, c], labels=label)
        return self.decode(z[0:1] - z[1:2] + z[2:3], labels=label)[0]

    def complete(
        self, prefix: Any, n: int = 5, temperature: float = 1.0, seed: int | None = None, labels: Labels = None
    ) -> list[Any]:
        """Records that begin with `prefix`: latents from its own posterior, decoding forced through it and free after it; of
        classes `labels`, if any.

        Raises:
            ConfigError: a number out of its range, or an unknown class.
            DataError: as `encode`.
        """
        rule, rows = SamplingRule(temperature), _at_least_one("n", n)
        begun, known = self._parsed([prefix]) * rows, self._labels(labels, rows)
        steps = self.codec.encode(begun[:1])[0][:-1]  # its end is not the record's
        given = as_batch([steps] * rows, self.codec.spec)
        longest = min(len(steps) + self.max_length, self.model.max_steps or len(steps) + self.max_length)
        with seeded(seed):
            z = self._posterior(begun, known, slice(None)).sample()
            written = generate(self.model, z, rule, longest, prefix=given, constraint=self.constraint(longest), labels=known)
        return self.codec.decode(written)

    def nearest(
        self,
        queries: Sequence[Any] | Latents,
        among: Sequence[Any] | Latents,
        k: int = 8,
        metric: Metric | None = None,
        labels: Labels = None,
        among_labels: Labels = None,
    ) -> Neighbours:
        """The `k` of many records whose latents are nearest to each query's, the nearest first.

        Args:
            queries: records, by their posterior means, or latents `[Q,*event]`.
            among: records to choose from, or their latents `[N,*event]`: a million of them are no trouble.
            k: how many.
            metric: `euclidean` or `cosine`; None is cosine on a sphere, else Euclidean.
            labels, among_labels: the classes of either's records, as for `encode`.

        Returns:
            rows `[Q,k]`, places in `among`, and distances `[Q,k]`.

        Raises:
            ConfigError: `k` below 1, or more than there are records; labels that `encode` refuses, or labels of latents.
            DataError: as `encode` and `decode`.
        """
        z, gallery = self._encoded(queries, labels), self._encoded(among, among_labels)
        return nearest_neighbours(z, gallery, k, metric or support.metric_of(self.model.posterior))

    def log_prob(self, records: Sequence[Any], samples: int = 100, seed: int | None = None, labels: Labels = None) -> Tensor:
        """A lower bound on log p(x) by importance sampling, `[N]` nats per sequence, tighter with more samples.

        With labels it is one on log p(x|c), which tells classes apart: the larger, the likelier the class.

        Raises:
            ConfigError: fewer than one sample, or labels that the model does not know.
            DataError: as `encode`.
        """
        parsed = self._parsed(records)
        known = self._labels(labels, len(parsed))
        bounds = torch.empty(len(parsed), device=self.device)
        with seeded(seed):
            for rows, batch in record_batches(self.codec, parsed, self.device, known):
                bounds[rows] = iwae(importance_log_weights(self.model, batch, _at_least_one("samples", samples))).to(bounds)
        return bounds

    def predict(self, records: Sequence[Any] | Latents, labels: Labels = None) -> dict[str, Prediction]:
        """What each head says of each record's posterior mean: by property, mean and spread `[N]` in the property's unit.

        Args:
            records: any, or latents `[N,*event]`.
            labels: the records' classes, as for `encode`; the heads' numbers on a model's card are with them.

        Raises:
            ConfigError: a model without heads; labels that `encode` refuses, or labels of latents.
            DataError: as `encode`.
        """
        if not len(self.model.heads):
            raise ConfigError("this model has no heads; fit one with fit_heads, or seqvae fit-heads RUN --property NAME")
        z = self._encoded(records, labels)
        with evaluating(self.model):
            return self.model.heads.predict(z)

    def fit_heads(
        self,
        records: Sequence[Any] | Latents,
        properties: Mapping[str, Given],
        kind: str = "regression",
        steps: int = 2000,
        seed: int | None = None,
        labels: Labels = None,
        **keywords: Any,
    ) -> None:
        """Fit a head to each property, on the posterior means of records; everything else of the model stays as it is.

        Args:
            records: to learn from, most likely those that the model was trained on; or their latents `[N,*event]`.
            properties: by name, a number a record (NaN where missing), or a function from a record in its canonical form to its
                number. A head of that name which the model has already is replaced.
            kind: of the heads, `regression` or `classification`.
            steps: of Adam.
            seed: of the initial weights and the batches.
            labels: the records' classes, as for `encode`.
            keywords: of the heads: `hidden=128, ensemble=5`.

        Raises:
            ConfigError: an unknown kind or keyword; labels that `encode` refuses, or labels of latents.
            DataError: as `encode`; no number for each record, or none at all.
        """
        held = checked_latents(self.model, records) if are_latents(records) else self._parsed(records)
        z = self._encoded(held, labels)
        targets = {name: property_values(name, given, held, len(z), self.modality) for name, given in properties.items()}
        recipe = recipes.with_heads(self.recipe, {name: {"kind": kind, **keywords} for name in properties})
        with seeded(seed):
            space = support.support_of(self.model.posterior)
            fitted = fit_heads(recipe.model.heads or {}, self.model.event_shape, z, targets, steps, space)
        self.model.heads, self.recipe = self.model.heads.updated(fitted), recipe

    def constraint(self, max_length: int | None = None) -> Constraint | None:
        """What the codec asks of generated sequences of at most `max_length` steps (the model's own, unless given), if anything."""
        made = getattr(self.codec, "constraint", None)
        return None if made is None else made(self.max_length if max_length is None else max_length, self.device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model's folder: config.json, model.safetensors, codec/, README.md, manifest.json.

        Raises:
            RunError: it cannot be written there.
        """
        pretrained.write(Path(folder).expanduser(), self._held())

    @classmethod
    def from_pretrained(cls, source: str | Path, device: torch.device | str | None = None) -> SeqVAE:
        """The model that `save_pretrained` or a training run wrote.

        Args:
            source: a run folder, a model's folder, or owner/name of a model on the Hugging Face hub.
            device: where to put it; None is the GPU where there is one, else the CPU.

        Raises:
            RunError: nothing there, or a file that is missing, damaged, foreign or of another version.
            ConfigError: no such device.
        """
        held = pretrained.read(locate(source))
        vae = cls(held.model, held.codec, held.modality, held.recipe, held.max_length, held.metrics)
        vae.ex_post = held.ex_post
        return vae.to(device if device is not None else "cuda" if torch.cuda.is_available() else "cpu")

    def push_to_hub(self, repo_id: str, private: bool = False) -> str:
        """Upload the model to `owner/name` on the Hugging Face hub, made where need be; its address.

        The published recipe names the data by its file name, and no output folder: paths are nobody else's business.

        Raises:
            RunError: not logged in, no access, or no network.
        """
        return hub.publish(self._held(), repo_id, private)

    def _held(self) -> pretrained.Pretrained:
        return pretrained.Pretrained(
            self.model, self.codec, self.modality, self.recipe, self.max_length, self.metrics, self.ex_post
        )

    def _labels(self, given: Labels, count: int) -> Tensor | None:
        """The classes of `count` records as numbers, `[count]`, or None."""
        return self.model.condition.labels(given, count)

    def _told(self, given: Labels, count: int) -> Tensor | None:
        """As `_labels`, for an encoder, with a word where it waits for labels in vain."""
        if given is None and self.model.condition.feature_width:
            log.warning(
                "this model's encoder is told classes, and without labels encodes records as of class unknown, which gives other "
                "latents; give labels, or -1 where they are unknown"
            )
        return self._labels(given, count)

    def _encoded(self, given: Any, labels: Labels, sample: bool = False) -> Tensor:
        """Latents, checked: those given, or of the records given."""
        if not are_latents(given):
            return checked_latents(self.model, self.encode(given, sample=sample, labels=labels))
        if labels is not None:
            raise ConfigError(f"labels={labels!r:.60} say as what records are encoded, and latents were given; drop one of the two")
        return checked_latents(self.model, given)

    def _posterior(self, records: list[Any], labels: Tensor | None, rows: slice) -> Distribution:
        """q(z|x) of some of the parsed records."""
        return posterior(self.model, self.codec, records[rows], None if labels is None else labels[rows])

    def _prior(self, name: str) -> Any:
        """The module whose call gives the distribution to sample from."""
        priors = {"model": self.model.prior, "ex_post": self.model.ex_post}
        if name not in priors:
            raise ConfigError(f"unknown prior {name!r}; {nearest(name, priors)}")
        if priors[name] is None:
            raise ConfigError("this model has no ex-post prior; fit one with seqvae fit-prior RUN, or vae.fit_prior(records)")
        return priors[name]

    def _parsed(self, records: Sequence[Any] | Latents) -> list[Any]:
        """The records, strings read as the modality reads an argument."""
        if isinstance(records, str):
            raise DataError(f"expected a list of records, got the string {records!r:.60}; give [{records!r:.60}]")
        parsed = [self.modality.parse(record) if isinstance(record, str) else record for record in records]
        if not parsed:
            raise DataError("no records; give at least one")
        return parsed


def _at_least_one(name: str, value: int) -> int:
    if value < 1:
        raise ConfigError(f"{name}={value}: give at least 1")
    return value
