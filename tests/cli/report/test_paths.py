from __future__ import annotations

import numpy as np
import torch

from seqvae.cli.report.paths import MOST, draw_paths


def test_each_path_is_a_line_from_its_start_to_its_end():
    paths = torch.zeros(3, 2, 2)
    paths[:, 0, 0] = torch.tensor([0.0, 1.0, 2.0])
    paths[:, 1, 1] = torch.tensor([0.0, 0.5, 1.0])
    (axes,) = draw_paths(paths).axes
    steps = [np.linalg.norm(np.diff(line.get_xydata(), axis=0), axis=1).tolist() for line in axes.lines]
    np.testing.assert_allclose(steps, [[1, 1], [0.5, 0.5]])  # the plane keeps lengths, for these paths lie in it
    starts, ends = axes.collections
    np.testing.assert_allclose(starts.get_offsets(), [line.get_xydata()[0] for line in axes.lines])
    np.testing.assert_allclose(ends.get_offsets(), [line.get_xydata()[-1] for line in axes.lines])


def test_not_more_than_can_be_seen():
    (axes,) = draw_paths(torch.randn(2, MOST + 5, 3)).axes
    assert len(axes.lines) == MOST
