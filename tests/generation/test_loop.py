import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from seqvae.batch import SequenceBatch, pad
from seqvae.decoders.rnn import RnnDecoder
from seqvae.errors import ConfigError
from seqvae.generation import loop
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy, SamplingRule
from seqvae.model import SequenceModel
from seqvae.posteriors.diagonal import DiagonalPosterior
from seqvae.steps import StepSpec

EOS = 2


def latents(rows, event=3, seed=0):
    return torch.randn(rows, event, generator=torch.Generator().manual_seed(seed))


def teacher_forced(model, z, max_length, prefix=()):
    """Greedy decoding of one latent without `step`: the whole sequence goes through the decoder again for each token."""
    written = list(prefix)
    while len(written) < max_length:
        batch = SequenceBatch(torch.tensor([[*written, 0]]), torch.tensor([len(written) + 1]))
        with torch.no_grad():
            logits = model.likelihood.logits(model.decoder(z[None, None], batch))[0, 0, -1]
        logits[:2] = -torch.inf
        written.append(int(logits.argmax()))
        if written[-1] == EOS:
            break
    return written


def as_lists(sequences):
    return [sequence.tolist() for sequence in sequences]


@pytest.mark.parametrize("decoder", [{}, {"cell": "gru", "layers": 2}, {"injection": "initial_state"}])
def test_greedy_is_the_argmax_of_teacher_forcing(make_model, decoder):
    model = make_model(eos_bias=1.0, **decoder)
    z = latents(24)
    written = as_lists(generate(model, z, Greedy(), 9))
    assert written == [teacher_forced(model, row, 9) for row in z]
    assert len({tuple(row) for row in written}) > 5, "the model must have something to say"
    assert {len(row) for row in written} & {1, 2, 3, 4, 5}, "some rows must end early"
    assert 9 in {len(row) for row in written}, "some must not"


def test_rows_do_not_influence_one_another(make_model):
    model = make_model(eos_bias=1.0)
    z = latents(40)
    together = as_lists(generate(model, z, Greedy(), 12))
    assert together == [generate(model, row[None], Greedy(), 12)[0].tolist() for row in z]
    assert together == as_lists(generate(model, z, Greedy(), 12, rows=7))
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    assert as_lists(generate(model, z[order], Greedy(), 12)) == [together[i] for i in order]


def test_sequences_end_at_their_end(make_model):
    model = make_model(eos_bias=1.0)
    for row in generate(model, latents(60), SamplingRule(), 8, generator=torch.Generator().manual_seed(0)):
        assert row.dtype == np.int32
        assert EOS not in row[:-1]
        assert row[-1] == EOS or len(row) == 8
        assert not np.isin(row, [0, 1]).any()


@pytest.mark.parametrize("share", [0.0, 0.5, 2.0])
def test_dropping_ended_rows_changes_nothing_but_the_work(make_model, monkeypatch, share):
    model = make_model(eos_bias=1.0)
    z = latents(40)
    expected = as_lists(generate(model, z, Greedy(), 12))
    worked, step = [], model.decoder.step
    monkeypatch.setattr(model.decoder, "step", lambda inputs, state: (worked.append(len(inputs)), step(inputs, state))[1])
    monkeypatch.setattr(loop, "WORTH_DROPPING", share)
    assert as_lists(generate(model, z, Greedy(), 12)) == expected
    alive = [sum(len(row) > t for row in expected) for t in range(12)]
    if share == 0.0:
        assert worked == [n for n in alive if n]
    if share == 0.5:
        assert alive[len(worked) - 1] <= worked[-1] < 40
        assert all(a >= b for a, b in itertools.pairwise(worked))
    if share == 2.0:
        assert set(worked) == {40}


def test_it_stops_when_every_row_has_ended(make_model, monkeypatch):
    model = make_model(eos_bias=1000.0)
    calls, step = [], model.decoder.step
    monkeypatch.setattr(model.decoder, "step", lambda inputs, state: (calls.append(1), step(inputs, state))[1])
    assert as_lists(generate(model, latents(5), Greedy(), 1000)) == [[EOS]] * 5
    assert len(calls) == 1


def test_sampled_steps_follow_the_model(make_model):
    model = make_model(size=8, scale=2.0)
    z = latents(1)
    drawn = generate(model, z.expand(20_000, -1), SamplingRule(temperature=1.5), 1, generator=torch.Generator().manual_seed(0))
    batch = SequenceBatch(torch.tensor([[EOS]]), torch.tensor([1]))
    with torch.no_grad():
        logits = model.likelihood.logits(model.decoder(z[None], batch))[0, 0, 0].double()
    expected = torch.softmax(logits[2:] / 1.5, -1).numpy()
    counts = np.bincount(np.concatenate(drawn), minlength=8)[2:]
    assert stats.chisquare(counts, expected * 20_000).pvalue > 1e-3


def test_a_seed_decides(make_model):
    model = make_model(eos_bias=1.0)
    first, again, other = (
        as_lists(generate(model, latents(20), SamplingRule(), 10, generator=torch.Generator().manual_seed(seed)))
        for seed in (5, 5, 6)
    )
    assert first == again != other


def test_modes_are_put_back_and_dropout_is_off(make_model):
    model = make_model(layers=2)  # dropout acts between layers, also step by step
    model.train()
    model.encoder.eval()
    modes = [module.training for module in model.modules()]
    written = [as_lists(generate(model, latents(20), Greedy(), 10)) for _ in range(3)]
    assert written[0] == written[1] == written[2]
    assert [module.training for module in model.modules()] == modes


def test_modes_are_put_back_after_an_error(make_model):
    class Broken:
        def choose(self, logits, generator):
            raise ZeroDivisionError

    model = make_model().train()
    with pytest.raises(ZeroDivisionError):
        generate(model, latents(2), Broken(), 5)
    assert model.training
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_a_prefix_is_forced_and_continued(make_model):
    model = make_model(eos_bias=1.0)
    z = latents(12)
    prefixes = [[5 + i % 3, 7, 9, 4][: 1 + i % 4] for i in range(12)]
    inputs, lengths = pad([torch.tensor(p) for p in prefixes])
    written = as_lists(generate(model, z, Greedy(), 11, prefix=SequenceBatch(inputs, lengths), rows=5))
    assert written == [teacher_forced(model, row, 11, prefix) for row, prefix in zip(z, prefixes, strict=True)]


def test_no_room_after_the_prefix(make_model):
    prefix = SequenceBatch(torch.tensor([[5, 6, 7]]), torch.tensor([3]))
    with pytest.raises(ConfigError, match=r"max_length=3 .* at least 4"):
        generate(make_model(), latents(1), Greedy(), 3, prefix=prefix)


def test_no_steps_at_all(make_model):
    with pytest.raises(ConfigError, match=r"max_length=0 .* at least 1"):
        generate(make_model(), latents(1), Greedy(), 0)


class ExactLength:
    """Row r writes exactly `wanted[r]` tokens, none of them 5, and then ends."""

    def __init__(self, wanted, size):
        self.wanted, self.size = wanted, size

    def start(self, rows):
        return self.wanted[:rows]

    def allowed(self, left):
        allowed = torch.zeros(len(left), self.size, dtype=torch.bool)
        allowed[:, 3:] = (left > 0)[:, None]
        allowed[:, 5] = False
        allowed[:, EOS] = left == 0  # and nothing at all once it has ended, when left is -1
        return allowed

    def advance(self, left, step):
        return left - 1

    def select(self, left, index):
        return left[index]


@pytest.mark.parametrize("rule", [Greedy(), SamplingRule(top_p=0.9)])
def test_a_constraint_holds_row_by_row(make_model, rule):
    model = make_model()
    with torch.no_grad():
        model.likelihood.bias[5] += 50.0  # what the model would say if it were free
    wanted = torch.arange(30) * 7 % 9
    written = generate(model, latents(30), rule, 20, constraint=ExactLength(wanted, 20))
    assert [len(row) - 1 for row in written] == wanted.tolist()
    assert all(5 not in row and row[-1] == EOS for row in written)
    assert 5 in np.concatenate(generate(model, latents(30), rule, 20))


class Picky:
    """A rule that cannot choose where nothing is allowed."""

    def choose(self, logits, generator):
        assert not logits.isneginf().all(dim=-1).any()
        return logits.argmax(dim=-1)


def test_a_rule_always_has_something_to_choose_from(make_model):
    wanted = torch.arange(10)  # rows end one by one, and wait to be dropped
    written = generate(make_model(), latents(10), Picky(), 20, constraint=ExactLength(wanted, 20))
    assert [len(row) - 1 for row in written] == wanted.tolist()


class Pen(nn.Module):
    """A likelihood of vectors: moves by a linear map of the features, ends with a pen lifted when it goes far enough right."""

    def __init__(self):
        super().__init__()
        self.move = nn.Linear(10, 2)

    def draw(self, features, rule, generator=None, allowed=None):
        move = self.move(features)
        ended = move[:, 0] > -0.15
        return torch.cat([move, ended[:, None].to(move.dtype)], -1), ended


@pytest.fixture
def pen_model():
    posterior = DiagonalPosterior(1, latent=3)
    torch.manual_seed(0)
    spec = StepSpec(size=3, discrete=False, start=(0.0, 0.0, 1.0))
    decoder = RnnDecoder(spec, torch.Size([3]), hidden=10)
    return SequenceModel(nn.Identity(), posterior, nn.Identity(), decoder, Pen())


def test_steps_may_be_vectors(pen_model):
    z = latents(30) * 2
    written = generate(pen_model, z, Greedy(), 7)
    lengths = {len(row) for row in written}
    assert 7 in lengths
    assert len(lengths) > 2
    for row, one in zip(written, z, strict=True):
        assert row.dtype == np.float32
        assert row.shape[1] == 3
        assert row[:-1, 2].sum() == 0
        assert row[-1, 2] == (len(row) < 7) or len(row) == 7
        np.testing.assert_allclose(row, generate(pen_model, one[None], Greedy(), 7)[0], atol=1e-6)


def test_a_prefix_of_vectors(pen_model):
    given = torch.rand(4, 2, 3)
    prefix = SequenceBatch(given, torch.tensor([2, 1, 2, 1]))
    written = generate(pen_model, latents(4), Greedy(), 6, prefix=prefix)
    for row, inputs, length in zip(written, given, (2, 1, 2, 1), strict=True):
        np.testing.assert_array_equal(row[:length], inputs[:length].numpy())


def test_double_precision(make_model, pen_model):
    model = make_model(eos_bias=1.0)
    expected = as_lists(generate(model, latents(10), Greedy(), 9))
    assert as_lists(generate(model.double(), latents(10).double(), Greedy(), 9)) == expected
    assert generate(pen_model.double(), latents(3).double(), Greedy(), 4)[0].dtype == np.float32
