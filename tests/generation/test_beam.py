import itertools

import pytest
import torch
from torch import nn

from seqvae.batch import SequenceBatch
from seqvae.errors import ConfigError
from seqvae.generation.beam import beam_search
from seqvae.generation.loop import generate
from seqvae.generation.rules import Greedy

EOS = 2
LETTERS = (3, 4, 5)


def latents(rows, seed=0):
    return torch.randn(rows, 3, generator=torch.Generator().manual_seed(seed))


def every_sequence(longest, ended=True):
    lengths = range(longest) if ended else [longest]
    return [(*letters, EOS) if ended else letters for n in lengths for letters in itertools.product(LETTERS, repeat=n)]


def log_p(model, z, sequences):
    """log p(x|z) of each sequence under teacher forcing, `[len(sequences)]`."""
    longest = max(map(len, sequences))
    inputs = torch.tensor([[*s, *[0] * (longest - len(s))] for s in sequences])
    batch = SequenceBatch(inputs, torch.tensor([len(s) for s in sequences]))
    with torch.no_grad():
        return model.log_likelihood(z.expand(1, len(sequences), -1), batch)[0]


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0, 2.0])
def test_a_wide_beam_is_exhaustive(make_model, penalty):
    model = make_model(size=6, scale=8.0, eos_bias=-2.0, seed=2)
    sequences = every_sequence(5)
    lengths = torch.tensor([len(s) for s in sequences])
    z = latents(12)
    found = [tuple(row.tolist()) for row in beam_search(model, z, 150, 5, length_penalty=penalty)]
    best = [sequences[int((log_p(model, row, sequences) / lengths**penalty).argmax())] for row in z]
    assert found == best
    assert len(set(best)) > 4
    assert len({len(row) for row in best}) > 1


def by_hand(model, z, width, longest, penalty):
    """The search of one row as the module describes it, hypothesis by hypothesis, each scored by teacher forcing."""

    def rank(item):
        return item[1] / len(item[0]) ** penalty

    beam, finished = [((), 0.0)], []
    for _ in range(longest):
        stay = [item for item in beam if item[0][-1:] == (EOS,)]
        longer = [(*steps, token) for steps, _ in beam if steps[-1:] != (EOS,) for token in (EOS, *LETTERS)]
        grown = list(zip(longer, log_p(model, z, longer).tolist(), strict=True)) if longer else []
        beam = sorted([*stay, *grown], key=rank, reverse=True)[:width]
        finished += [item for item in beam if item[0][-1] == EOS]
    return max(finished or beam, key=rank)[0]


@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("penalty", [0.0, 0.5, 1.0, 2.0])
def test_a_narrow_beam_step_by_step(make_model, width, penalty):
    for seed, scale, eos_bias in ((0, 6.0, -1.0), (1, 6.0, -1.0), (2, 2.0, 0.5), (3, 2.0, 0.0)):
        model = make_model(size=6, scale=scale, eos_bias=eos_bias, seed=seed)
        z = latents(15, seed)
        found = [tuple(row.tolist()) for row in beam_search(model, z, width, 6, length_penalty=penalty)]
        assert found == [by_hand(model, row, width, 6, penalty) for row in z]


def test_width_one_is_greedy(make_model):
    model = make_model(eos_bias=1.0)
    z = latents(40)
    greedy = [row.tolist() for row in generate(model, z, Greedy(), 10)]
    assert [row.tolist() for row in beam_search(model, z, 1, 10)] == greedy
    assert len({len(row) for row in greedy}) > 3


def test_a_beam_finds_better_sequences_than_greed(make_model):
    model = make_model(eos_bias=2.0, seed=1)
    z = latents(40)
    gains = []
    for row, greedy, beam in zip(z, generate(model, z, Greedy(), 10), beam_search(model, z, 8, 10), strict=True):
        if greedy[-1] == EOS and beam[-1] == EOS:
            gains.append(float(log_p(model, row, [tuple(beam)]) - log_p(model, row, [tuple(greedy)])))
    assert len(gains) > 10
    assert sum(gain > 1e-4 for gain in gains) > 0
    assert sum(gains) > 0


def test_rows_do_not_influence_one_another(make_model):
    model = make_model(eos_bias=1.0)
    z = latents(30)
    together = [row.tolist() for row in beam_search(model, z, 4, 10)]
    assert together == [beam_search(model, row[None], 4, 10)[0].tolist() for row in z]
    assert together == [row.tolist() for row in beam_search(model, z, 4, 10, rows=9)]


def test_without_an_end_the_best_unended_one_counts(make_model):
    model = make_model(size=6, scale=3.0, eos_bias=-torch.inf)
    sequences = every_sequence(4, ended=False)
    for row, found in zip(latents(5), beam_search(model, latents(5), 100, 4), strict=True):
        assert tuple(found.tolist()) == sequences[int(log_p(model, row, sequences).argmax())]


class NoFours:
    """4 is forbidden, and so is an end before the third token."""

    def start(self, rows):
        return torch.zeros(rows, dtype=torch.int64)

    def allowed(self, written):
        allowed = torch.ones(len(written), 6, dtype=torch.bool)
        allowed[:, 4] = False
        allowed[:, EOS] = written >= 2
        return allowed

    def advance(self, written, step):
        return written + 1

    def select(self, written, index):
        return written[index]


def test_a_constraint_leaves_the_best_of_what_it_allows(make_model):
    model = make_model(size=6, scale=3.0, seed=2)
    sequences = [s for s in every_sequence(5) if 4 not in s and len(s) >= 3]
    z = latents(8)
    found = beam_search(model, z, 100, 5, constraint=NoFours())
    for row, sequence in zip(z, found, strict=True):
        assert tuple(sequence.tolist()) == sequences[int(log_p(model, row, sequences).argmax())]


def test_modes_are_put_back(make_model):
    model = make_model().train()
    assert beam_search(model, latents(3), 2, 6)[0].tolist() == beam_search(model, latents(3), 2, 6)[0].tolist()
    assert model.training


@pytest.mark.parametrize(
    ("options", "message"), [({"width": 0}, "beam=0"), ({"max_length": 0}, "max_length=0"), ({"length_penalty": -1.0}, "-1.0")]
)
def test_values_out_of_range(make_model, options, message):
    with pytest.raises(ConfigError, match=message):
        beam_search(make_model(), latents(1), **{"width": 2, "max_length": 5, **options})


def test_vectors_have_no_beam(make_model):
    model = make_model()
    model.likelihood = nn.Identity()
    with pytest.raises(ConfigError, match="beam needs tokens"):
        beam_search(model, latents(1), 2, 5)
