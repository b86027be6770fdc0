import math

import numpy as np
import pytest
import torch

from seqvae import recipe as recipes
from seqvae import registry
from seqvae.batch import SequenceBatch, pad
from seqvae.errors import ConfigError, DataError
from seqvae.generation.rules import SamplingRule
from seqvae.model import build_model
from seqvae.objectives.elbo import Elbo
from seqvae.vae import SeqVAE

SENTENCES = [
    "the cat sat on the mat",
    "a dog ran",
    "one two three four five six seven",
    "the dog sat",
    "rain falls on the hill at night",
]
OVERRIDES = [
    "tokenizer=word",
    "model.encoder.embedding=8",
    "model.encoder.hidden=16",
    "model.posterior.latent=4",
    "model.decoder.embedding=8",
    "model.decoder.hidden=24",
    "model.decoder.dropout=0",
]


def build(sentences=SENTENCES, seed=0, *overrides):
    recipe = recipes.load("text-lstm", [*OVERRIDES, *overrides])
    codec = registry.build("tokenizer", recipe.tokenizer)
    codec.fit(sentences, 0)
    torch.manual_seed(seed)
    model = build_model(codec.spec, recipe.to_config()["model"])
    return SeqVAE(model, codec, registry.build("modality", recipe.modality), recipe, 12)


@pytest.fixture(scope="module")
def vae():
    """A model that knows the five sentences by heart, so that what it decodes can be told right from wrong."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    vae = build()
    inputs, lengths = pad([torch.from_numpy(s.astype(np.int64)) for s in vae.codec.encode(SENTENCES)])
    optimizer, objective = (
        torch.optim.Adam(vae.model.parameters(), lr=0.02),
        Elbo(beta=registry.build("schedule", {"kind": "constant", "value": 0.05})),
    )
    for step in range(250):
        optimizer.zero_grad()
        objective(vae.model, SequenceBatch(inputs, lengths), step).total.backward()
        optimizer.step()
    vae.model.eval()
    yield vae
    torch.set_num_threads(threads)


def test_records_come_back(vae):
    assert vae.reconstruct(SENTENCES) == SENTENCES
    assert vae.reconstruct(SENTENCES, beam=4) == SENTENCES
    assert vae.decode(vae.encode(SENTENCES)) == SENTENCES
    assert vae.decode(vae.encode(SENTENCES).numpy().astype(np.float64)) == SENTENCES


def test_rows_are_in_the_order_of_the_records(vae):
    z = vae.encode(SENTENCES)
    assert z.shape == (5, 4)
    torch.testing.assert_close(z, torch.cat([vae.encode([s]) for s in SENTENCES]))
    torch.testing.assert_close(vae.encode(SENTENCES[::-1]), z.flip(0))


def test_the_nearest_are_those_with_the_nearest_latents(vae):
    z = vae.encode(SENTENCES)
    order = torch.cdist(z, z).argsort(dim=1)
    found = vae.nearest(SENTENCES, SENTENCES, k=5)
    assert found.rows.tolist() == order.tolist()
    assert found.distances[:, 0].tolist() == pytest.approx([0] * 5, abs=1e-4)
    assert vae.nearest(z[1:2], z, k=1).rows.tolist() == [[1]]
    turned = vae.nearest(5 * z, z, k=1, metric="cosine")
    assert turned.rows.flatten().tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ConfigError, match="k=6: there are 5 to choose among"):
        vae.nearest(SENTENCES, SENTENCES, k=6)
    with pytest.raises(DataError, match="expected latents of shape"):
        vae.nearest(z[:, :2], z)


def test_an_array_of_latents_is_as_good_as_a_tensor(vae):
    z = vae.encode(SENTENCES)
    array = z.numpy().astype(np.float64)
    assert vae.nearest(array[1:2], array, k=2).rows.tolist() == vae.nearest(SENTENCES[1:2], SENTENCES, k=2).rows.tolist()
    drawn = []
    for latents in (z, array):
        other = build()
        other.fit_prior(latents, components=1, seed=0)
        other.fit_heads(latents, {"words": [6.0, 3, 7, 3, 7]}, steps=3, seed=0)
        drawn.append((other.sample(5, seed=0, prior="ex_post"), other.predict(latents)["words"].mean.tolist()))
    assert drawn[0] == drawn[1]
    with pytest.raises(DataError, match="a function needs the records themselves"):
        vae.fit_heads(array, {"words": len})
    assert vae.nearest(np.array(SENTENCES), np.array(SENTENCES, dtype=object), k=1).rows.flatten().tolist() == [0, 1, 2, 3, 4]


TOLD = "model.condition={kind: classes, names: [old, new], width: 4, encoder: true}"
LABELS = ["old", "new", "new", None, "old"]


@pytest.fixture(scope="module")
def told():
    """A model whose encoder and decoder are told one of two classes, with a head."""
    told = build(SENTENCES, 0, TOLD, "model.heads.words=regression")
    told.model.eval()
    return told


def test_a_told_encoder_hears_the_class_from_every_method_that_encodes(told):
    z = told.encode(SENTENCES, labels=LABELS)
    unknown = told.encode(SENTENCES, labels=-1)
    assert ((z - unknown).abs().amax(1) > 1e-3).tolist() == [True, True, True, False, True]
    torch.testing.assert_close(told.posterior(SENTENCES, labels=LABELS).mean, z)
    torch.testing.assert_close(told.predict(SENTENCES, labels=LABELS)["words"].mean, told.predict(z)["words"].mean)
    assert told.reconstruct(SENTENCES, labels=LABELS) == told.decode(z, labels=LABELS)
    found = told.nearest(SENTENCES[:2], SENTENCES, k=5, labels=LABELS[:2], among_labels=LABELS)
    expected = told.nearest(z[:2], z, k=5)
    assert torch.equal(found.rows, expected.rows)
    torch.testing.assert_close(found.distances, expected.distances, rtol=1e-4, atol=1e-6)
    assert found.distances[:, 0].max() < 1e-5 < told.nearest(SENTENCES[:2], SENTENCES, k=5, among_labels=LABELS).distances.min()


def test_heads_and_priors_are_fitted_to_what_a_told_encoder_says_of_each_class():
    fitted = []
    for given, labels in ((SENTENCES, LABELS), (None, None), (SENTENCES, None)):
        told = build(SENTENCES, 0, TOLD, "model.posterior={kind: deterministic, latent: 4}")
        records = told.encode(SENTENCES, labels=LABELS) if given is None else given
        told.fit_heads(records, {"words": [6.0, 3, 7, 3, 7]}, steps=20, seed=0, labels=labels)
        told.fit_prior(records, components=1, seed=0, labels=labels)
        fitted.append(torch.cat([told.predict(torch.ones(3, 4))["words"].mean, told.model.ex_post().mean.flatten()]))
    torch.testing.assert_close(fitted[0], fitted[1], rtol=1e-3, atol=1e-4)
    assert (fitted[0] - fitted[2]).abs().max() > 1e-2


def test_each_sample_and_completion_may_be_of_its_own_class(told):
    each = [("old", "new")[i % 2] for i in range(12)]
    cool = {"temperature": 1e-4, "seed": 0}
    for write in (
        lambda labels: told.sample(12, labels=labels, **cool),
        lambda labels: told.complete("a", 12, labels=labels, **cool),
    ):
        alone = {name: write(name) for name in ("old", "new")}
        assert alone["old"] != alone["new"]
        assert write(each) == [alone[name][row] for row, name in enumerate(each)]
    with pytest.raises(ConfigError, match="labels: 12 were given for 5 records"):
        told.complete("the cat", n=5, labels=each)


def test_a_told_encoder_says_when_it_is_told_nothing(told, vae, caplog):
    told.encode(SENTENCES)
    assert "encodes records as of class unknown" in caplog.text
    caplog.clear()
    told.encode(SENTENCES, labels=-1), told.sample(2), vae.encode(SENTENCES)
    assert not caplog.text


def test_labels_of_latents_and_of_models_without_classes_are_refused(told, vae):
    z = told.encode(SENTENCES, labels=LABELS)
    for call in (
        lambda: told.predict(z, labels="old"),
        lambda: told.nearest(z, SENTENCES, labels="old"),
        lambda: told.nearest(SENTENCES, z.numpy(), labels="old", among_labels="old"),
        lambda: told.fit_prior(z, 1, labels="old"),
        lambda: told.fit_heads(z, {"words": [1] * 5}, labels="old"),
    ):
        with pytest.raises(ConfigError, match="labels='old' say as what records are encoded, and latents were given"):
            call()
    with pytest.raises(ConfigError, match="label='new': this model knows no classes"):
        vae.encode(SENTENCES, labels=[None, "new", "old", -1, None])
    torch.testing.assert_close(vae.encode(SENTENCES, labels=[None, -1, -1, None, None]), vae.encode(SENTENCES))


def test_many_records_go_through_in_batches(vae, monkeypatch):
    records = [SENTENCES[i * 7 % 5] for i in range(40)]
    expected = vae.encode(records)
    monkeypatch.setattr("seqvae.vae.POSTERIORS", 9)
    monkeypatch.setattr("seqvae.encoding.BATCH_STEPS", 30)
    sizes, infer = [], vae.model.infer
    monkeypatch.setattr(vae.model, "infer", lambda batch: (sizes.append(len(batch)), infer(batch))[1])
    torch.testing.assert_close(vae.encode(records), expected)
    assert sum(sizes) == 40
    assert max(sizes) <= 9
    assert len(sizes) > 5


def test_latents_can_be_climbed_by_gradients(vae):
    assert vae.encode(SENTENCES).requires_grad_().sum().requires_grad


def test_posterior_draws_follow_the_posterior(vae):
    posterior = vae.posterior(SENTENCES[:1])
    drawn = vae.encode(SENTENCES[:1] * 4000, sample=True, seed=0)
    error = posterior.stddev[0] / math.sqrt(4000)
    assert ((drawn.mean(0) - posterior.mean[0]).abs() < 4 * error).all()
    torch.testing.assert_close(drawn.std(0), posterior.stddev[0], rtol=0.06, atol=0)


def test_a_seed_decides_and_leaves_the_global_stream_alone(vae):
    calls = [
        lambda seed: vae.encode(SENTENCES, sample=True, seed=seed).tolist(),
        lambda seed: vae.sample(8, temperature=2.0, seed=seed),
        lambda seed: vae.decode(torch.zeros(8, 4), SamplingRule(3.0), seed=seed),
        lambda seed: vae.complete("the", n=8, temperature=3.0, seed=seed),
        lambda seed: vae.log_prob(SENTENCES, samples=3, seed=seed).tolist(),
    ]
    for call in calls:
        state = torch.get_rng_state()
        assert call(1) == call(1) != call(2)
        assert torch.equal(torch.get_rng_state(), state)
        assert call(None) != call(None)


def test_samples_are_drawn_from_the_prior(vae):
    seen = []
    decode = vae.decode
    vae.decode = lambda z, rule, **told: seen.append(z) or decode(z, rule, **told)
    try:
        assert len(vae.sample(3000, seed=0)) == 3000
    finally:
        del vae.decode
    assert seen[0].mean(0).abs().max() < 4 / math.sqrt(3000)
    torch.testing.assert_close(seen[0].std(0), torch.ones(4), rtol=0.06, atol=0)


def test_a_path_joins_two_reconstructions(vae):
    for method in ("slerp", "linear"):
        path = vae.interpolate(SENTENCES[0], SENTENCES[2], steps=6, method=method)
        assert len(path) == 6
        assert (path[0], path[-1]) == (SENTENCES[0], SENTENCES[2])
    assert vae.interpolate(SENTENCES[1], SENTENCES[1], steps=3) == [SENTENCES[1]] * 3


def test_arithmetic_cancels(vae):
    assert vae.arithmetic(SENTENCES[0], SENTENCES[0], SENTENCES[3]) == SENTENCES[3]
    assert vae.arithmetic(SENTENCES[1], SENTENCES[3], SENTENCES[3]) == SENTENCES[1]
    z = vae.encode(SENTENCES)
    assert vae.arithmetic(*SENTENCES[:3]) == vae.decode((z[0] - z[1] + z[2])[None])[0]


def test_completions_begin_with_the_prefix(vae):
    completions = vae.complete("rain falls on", n=6, seed=0)
    assert len(completions) == 6
    assert all(sentence.startswith("rain falls on") for sentence in completions)
    assert SENTENCES[4] in completions
    odd = "seven rain dog mat"  # nothing that the model would say by itself
    assert all(sentence.startswith(odd) for sentence in vae.complete(odd, temperature=0.01))


def test_a_prefix_longer_than_any_record_can_be_completed(vae):
    prefix = " ".join(["the"] * 30)
    assert all(sentence.startswith(prefix) for sentence in vae.complete(prefix))


def test_log_prob_is_the_integral_over_the_latent():
    vae = build(SENTENCES, 3, "model.posterior.latent=1")
    with torch.no_grad():
        for parameter in vae.model.decoder.parameters():
            parameter.mul_(3)
    z = torch.linspace(-8, 8, 2001)
    expected = []
    for sentence in SENTENCES:
        steps = torch.from_numpy(vae.codec.encode([sentence])[0].astype(np.int64))[None]
        batch = SequenceBatch(steps, torch.tensor([steps.shape[1]]))
        with torch.no_grad():
            log_joint = (
                vae.model.log_likelihood(z[:, None, None], batch)[:, 0].double() - z.double() ** 2 / 2 - math.log(2 * math.pi) / 2
            )
        expected.append(float(torch.logsumexp(log_joint, 0) + math.log(16 / 2000)))
    found = vae.log_prob(SENTENCES, samples=4000, seed=0)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=0.05)
    assert max(expected) - min(expected) > 1


def test_more_samples_tighten_the_bound(vae):
    few, many = (torch.stack([vae.log_prob(SENTENCES, samples, seed) for seed in range(40)]).mean(0) for samples in (1, 30))
    assert (many > few).all()


def test_what_is_no_record_is_refused(vae):
    for call in (
        lambda: vae.encode([""]),
        lambda: vae.encode(["a dog ran", "   "]),
        lambda: vae.reconstruct([""]),
        lambda: vae.interpolate("a dog ran", ""),
        lambda: vae.arithmetic("a dog", "", "the cat"),
        lambda: vae.complete(""),
        lambda: vae.log_prob([""]),
        lambda: vae.posterior([""]),
    ):
        with pytest.raises(DataError, match="empty"):
            call()
    with pytest.raises(DataError, match="no records"):
        vae.encode([])
    with pytest.raises(DataError, match="list of records, got the string 'a dog'"):
        vae.encode("a dog")


def test_a_very_long_record_is_fine(vae):
    long = " ".join(SENTENCES * 40)
    assert vae.encode([long, "a dog ran"]).isfinite().all()
    assert vae.log_prob([long], samples=2).isfinite().all()


@pytest.mark.parametrize("shape", [(4,), (2, 5), (2, 1, 4), (0, 4), ()])
def test_latents_of_another_shape_are_refused(vae, shape):
    with pytest.raises(DataError, match=r"shape \[N, 4\].*got \["):
        vae.decode(torch.zeros(shape))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_latents_that_are_not_finite_are_refused(vae, value):
    with pytest.raises(DataError, match="not finite"):
        vae.decode(torch.tensor([[0.0, value, 0.0, 0.0]]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda vae: vae.sample(0), "n=0"),
        (lambda vae: vae.sample(2, temperature=0), "temperature=0"),
        (lambda vae: vae.sample(2, top_k=0), "top_k=0"),
        (lambda vae: vae.sample(2, top_p=2), "top_p=2"),
        (lambda vae: vae.complete("a dog", n=0), "n=0"),
        (lambda vae: vae.complete("a dog", temperature=-1), "temperature=-1"),
        (lambda vae: vae.log_prob(SENTENCES, samples=0), "samples=0"),
        (lambda vae: vae.interpolate(*SENTENCES[:2], steps=1), "steps=1"),
        (lambda vae: vae.interpolate(*SENTENCES[:2], method="slrp"), "did you mean 'slerp'"),
        (lambda vae: vae.reconstruct(SENTENCES, beam=0), "beam=0"),
        (lambda vae: vae.to("abacus"), "device=abacus"),
    ],
)
def test_values_out_of_range_are_refused(vae, call, message):
    with pytest.raises(ConfigError, match=message):
        call(vae)


def test_using_a_model_in_training_leaves_it_in_training():
    vae = build(SENTENCES, 0, "model.decoder.dropout=0.5")
    vae.model.train()
    assert vae.reconstruct(SENTENCES) == vae.reconstruct(SENTENCES)
    vae.sample(2), vae.log_prob(SENTENCES, 2), vae.complete("the")
    assert all(module.training for module in vae.model.modules())


def test_pieces_round_trip_and_complete():
    """The same with sentencepiece, whose tokens are parts of words."""
    recipe = recipes.load("text-lstm", [*OVERRIDES, "tokenizer={kind: sentencepiece, vocab_size: 300}"])
    codec = registry.build("tokenizer", recipe.tokenizer)
    codec.fit(SENTENCES, 0)
    torch.manual_seed(0)
    model = build_model(codec.spec, recipe.to_config()["model"])
    vae = SeqVAE(model, codec, registry.build("modality", recipe.modality), recipe, 12)
    torch.testing.assert_close(vae.encode(SENTENCES), torch.cat([vae.encode([s]) for s in SENTENCES]))
    assert all(sentence.startswith("the cat") for sentence in vae.complete("the cat", seed=0))
    assert all(isinstance(sentence, str) for sentence in vae.sample(5, seed=0))


def test_a_users_function_reads_what_an_optimisation_would_give_it():
    """Strings are parsed and made canonical before a head learns from them, as they are before an oracle is asked."""
    vae, read = build(), []
    vae.fit_heads(["  a  dog ran", "the dog sat"], {"length": lambda record: read.append(record) or len(record)}, steps=1)
    assert read == ["a dog ran", "the dog sat"]
    assert float(vae.model.heads["length"].mean) == 10


def test_heads_of_a_sphere_read_directions_however_they_come_by_them():
    """Learnt from records or from latents; asked for means, which lie inside, or for what a climb comes by."""
    parts = ("posterior=von_mises_fisher", "prior=uniform_sphere", "heads.joint=regression")
    vae = build(SENTENCES, 0, *(f"model.{part}" for part in parts))
    inside = vae.encode(SENTENCES)
    torch.testing.assert_close(vae.model.heads["joint"](inside), vae.model.heads["joint"](2 * inside))
    vae.fit_heads(SENTENCES, {"records": [1, 2, 3, 4, 5]}, steps=5, seed=0)
    vae.fit_heads(inside, {"latents": [1, 2, 3, 4, 5]}, steps=5, seed=0)
    said = vae.predict(SENTENCES)
    torch.testing.assert_close(said["records"].mean, said["latents"].mean)
    on_it = vae.model.heads.predict(vae.model.project(inside))
    torch.testing.assert_close(said["records"].mean, on_it["records"].mean)
