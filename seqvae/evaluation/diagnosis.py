"""Why a model is as it is: where its rate goes, whether its decoder listens, and what lies between the data's latents.

    rate            I(x;z) + KL(q(z) || p(z)), and its share of each dimension
    sensitivity     E[log p(x|z) - log p(x|z')],  z ~ q(z|x),  z' ~ q(z|x') of another record x'
    round trip      1 - E|z - encode(decode(z))|^2 / E|z - E z|^2, for z from the prior and for z from the data's posteriors

The decoder of a healthy model loses several nats by a stranger's latent; one that does not listen loses nothing, whatever the
encoder says. In a round trip a latent is decoded as a reconstruction is, greedily, and the result is encoded to its posterior
mean: a share of 1 comes back whole, 0 is what a constant answer would give. What comes back of the data's latents but not of the
prior's tells of holes: regions where the prior puts samples and training never put a latent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqvae.data.store import SequenceStore
from seqvae.encoding import posterior_of_written
from seqvae.evaluation.conditions import Precision, measuring
from seqvae.evaluation.latent import active_units, aggregated_kl, mutual_information
from seqvae.evaluation.likelihood import PosteriorPass, posterior_pass
from seqvae.evaluation.reconstruction import reconstructions
from seqvae.evaluation.verdict import verdict

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE

RECORDS = 2000  # a mutual information of at most 7.6 nats, in seconds
TRIPS = 256  # latents sent through the decoder and back
TOGETHER = 128  # records decoded under teacher forcing in one pass


def diagnose(
    vae: SeqVAE, store: SequenceStore, *, split: str, limit: int = RECORDS, seed: int = 0, precision: Precision = "fp32"
) -> dict[str, Any]:
    """What `verdict` wants to know, and each dimension's rate, as plain values that go into JSON. What does not apply is absent.

    Args:
        vae: the model with its codec.
        store: the records, encoded by the model's own codec.
        split: the name to report.
        limit: only the first so many records; time grows with the square.
        seed: of every draw; torch's global generator is not touched.
        precision: of matrix products.

    Raises:
        DataError: the store has no records.
    """
    measured = posterior_pass(vae.model, store, limit=limit, seed=seed, precision=precision)
    found: dict[str, Any] = {"modality": vae.modality.name, "split": split, "count": len(measured.rows), **measured.summary}
    with measuring(vae.model, seed, precision):
        found |= _information(vae, measured)
        found |= {"active_units": active_units(measured.means), "latent_dim": vae.model.event_shape.numel()}
        found |= _sensitivity(vae, store, measured)
        found |= _round_trips(vae, store, measured)
    if measured.has_density:
        found["rate_per_dimension"] = measured.rate.double().mean(0).tolist()
    judged = verdict(found)
    change = judged.first_change(vae.recipe)
    found |= {"collapsed": judged.collapsed, "verdict": judged.sentence}
    return found if change is None else found | {"try_first": " ".join(change.settings), "why": change.what}


def _information(vae: SeqVAE, measured: PosteriorPass) -> dict[str, float]:
    if not measured.has_density:
        return {}
    return {
        "mi_nats": mutual_information(measured.posteriors, measured.z),
        "mi_bound_nats": math.log(len(measured.rows)),
        "aggregated_kl_nats": aggregated_kl(measured.posteriors, vae.model.prior(), measured.z),
    }


def _sensitivity(vae: SeqVAE, store: SequenceStore, measured: PosteriorPass) -> dict[str, float]:
    """The nats that a stranger's latent costs the decoder, a sequence; every record gets the latent of another."""
    count = len(measured.rows)
    if count < 2:
        return {}
    ring = torch.randperm(count)
    stranger = torch.empty(count, dtype=torch.int64)
    stranger[ring] = ring.roll(1)  # one cycle through all records: nobody keeps its own
    z = measured.z[:, stranger.to(measured.z.device)]
    losses = []
    for part in torch.arange(count).split(TOGETHER):
        batch = store.batch(measured.rows[part.numpy()]).to(z.device)
        losses.append(-vae.model.log_likelihood(z[:, part.to(z.device)], batch).mean(0))
    return {"decoder_sensitivity_nats": float((torch.cat(losses) - measured.distortion).double().mean())}


def _round_trips(vae: SeqVAE, store: SequenceStore, measured: PosteriorPass) -> dict[str, float]:
    """Latents of records go with the records' classes, those of the prior with the classes of as many records."""
    chosen = torch.randperm(len(measured.rows))[:TRIPS]
    some = chosen[torch.arange(TRIPS) % len(chosen)]
    origins = {
        "round_trip_prior": (vae.model.prior().sample(torch.Size([TRIPS])), some),
        "round_trip_posterior": (measured.z[0, chosen.to(measured.z.device)], chosen),
    }
    shares = {name: _returned(vae, z, store.labels_of(measured.rows[of])) for name, (z, of) in origins.items() if len(z) > 1}
    return {name: share for name, share in shares.items() if math.isfinite(share)}


def _returned(vae: SeqVAE, z: Tensor, labels: Tensor | None) -> float:
    """The share of the latents `[R,*event]` that comes back; at most 1."""
    written = reconstructions(vae, z, labels)
    returned = vae.model.project(posterior_of_written(vae.model, vae.codec, written, labels).mean)
    sent, back = z.flatten(1).double(), returned.flatten(1).double()
    return 1 - float((sent - back).square().sum() / (sent - sent.mean(0)).square().sum())
