import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial import geometric_slerp

from seqvae.errors import ConfigError
from seqvae.paths import linear, slerp

E = torch.eye(4)


def random_pair(*shape, dtype=torch.float32):
    return torch.randn(2, *shape, dtype=dtype, generator=torch.Generator().manual_seed(0)).unbind()


def test_a_quarter_of_the_way_between_two_axes():
    torch.testing.assert_close(slerp(E[0], E[1], 5)[1], torch.tensor([0.92387953, 0.38268343, 0, 0]))


def test_linear_by_hand():
    torch.testing.assert_close(
        linear(torch.tensor([0.0, 2.0]), torch.tensor([4.0, 2.0]), 5),
        torch.tensor([[0.0, 2.0], [1.0, 2.0], [2.0, 2.0], [3.0, 2.0], [4.0, 2.0]]),
    )


def test_unit_vectors_agree_with_scipy():
    a, b = (x / x.norm() for x in random_pair(6, dtype=torch.float64))
    expected = geometric_slerp(a.numpy(), b.numpy(), np.linspace(0, 1, 9))
    np.testing.assert_allclose(slerp(a, b, 9).numpy(), expected, atol=1e-12)


def test_norms_go_linearly_and_angles_evenly():
    a, b = random_pair(5, dtype=torch.float64)
    b = 3 * b
    path = slerp(a, b, 11)
    norms = path.norm(dim=-1)
    torch.testing.assert_close(norms, torch.linspace(a.norm(), b.norm(), 11, dtype=torch.float64))
    turns = torch.nn.functional.cosine_similarity(path[1:], path[:-1]).arccos()
    whole = torch.nn.functional.cosine_similarity(a, b, dim=0).arccos()
    torch.testing.assert_close(turns, (whole / 10).expand(10), rtol=0, atol=1e-7)


@pytest.mark.parametrize("path", [linear, slerp])
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_are_the_ends(path, shape, dtype):
    a, b = random_pair(*shape, dtype=dtype)
    walked = path(a, b, 7)
    assert walked.shape == (7, *shape)
    assert walked.dtype == dtype
    torch.testing.assert_close(walked[0], a)
    torch.testing.assert_close(walked[-1], b)
    torch.testing.assert_close(path(b, a, 7).flip(0), walked)


def test_each_latent_vector_of_a_sequence_takes_its_own_arc():
    a, b = random_pair(3, 4)
    torch.testing.assert_close(slerp(a, b, 6), torch.stack([slerp(x, y, 6) for x, y in zip(a, b, strict=True)], dim=1))


def test_parallel_vectors_are_joined_by_their_line():
    torch.testing.assert_close(slerp(E[0], 3 * E[0], 3), torch.stack([E[0], 2 * E[0], 3 * E[0]]))
    a = torch.randn(8, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(slerp(a, a, 5), a.expand(5, -1))
    torch.testing.assert_close(slerp(a, 2.5 * a, 5), linear(a, 2.5 * a, 5))


def test_opposite_vectors_turn_through_the_axis_least_leant_on():
    path = slerp(E[0], -E[0], 5)
    torch.testing.assert_close(path[2], E[1])
    a = torch.tensor([3.0, 0.1, -4.0])
    half = slerp(a, -2 * a, 3)[1]
    torch.testing.assert_close(half.norm(), 1.5 * a.norm())
    torch.testing.assert_close(half @ a, torch.tensor(0.0), atol=1e-5, rtol=0)
    across = torch.tensor([0.0, 1.0, 0.0]) - 0.1 * a / (a @ a)  # the second axis made perpendicular to a
    torch.testing.assert_close(half, 1.5 * a.norm() * across / across.norm())


def test_from_and_to_nothing_is_straight():
    zero = torch.zeros(4)
    torch.testing.assert_close(slerp(zero, E[2], 3), torch.stack([zero, E[2] / 2, E[2]]))
    torch.testing.assert_close(slerp(2 * E[1], zero, 3), torch.stack([2 * E[1], E[1], zero]))
    assert torch.equal(slerp(zero, zero, 3), torch.zeros(3, 4))


def test_in_one_dimension():
    torch.testing.assert_close(slerp(torch.tensor([1.0]), torch.tensor([3.0]), 3), torch.tensor([[1.0], [2.0], [3.0]]))
    path = slerp(torch.tensor([1.0]), torch.tensor([-1.0]), 3)
    torch.testing.assert_close(path, torch.tensor([[1.0], [0.0], [-1.0]]))


@pytest.mark.parametrize("angle", [1e-6, 1e-3, math.pi - 1e-3, math.pi - 1e-6])
def test_nearly_parallel_and_nearly_opposite(angle):
    a = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    b = torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.float64)
    half = torch.tensor([math.cos(angle / 2), math.sin(angle / 2), 0.0], dtype=torch.float64)
    torch.testing.assert_close(slerp(a, b, 3)[1], half, rtol=0, atol=1e-9)


vectors = arrays.arrays(np.float32, 4, elements=st.floats(-100, 100, width=32))


@given(vectors, vectors)
def test_any_two_vectors_are_joined(a, b):
    a, b = torch.from_numpy(a.copy()), torch.from_numpy(b.copy())
    path = slerp(a, b, 5)
    assert path.isfinite().all()
    torch.testing.assert_close(path[0], a, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(path[-1], b, atol=1e-5, rtol=1e-5)
    assert path.norm(dim=-1).max() <= max(a.norm(), b.norm()) * (1 + 1e-5)


@pytest.mark.parametrize("path", [linear, slerp])
@pytest.mark.parametrize("steps", [1, 0, -2])
def test_a_path_has_two_ends(path, steps):
    with pytest.raises(ConfigError, match=f"steps={steps}"):
        path(E[0], E[1], steps)
