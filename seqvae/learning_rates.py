"""A learning rate of a weight's own: a share of the optimiser's, kept on the parameter itself.

A part says so once, when it is built; an optimiser makes its groups by it. Update plans, which only pick parameters, need not know.
"""

from __future__ import annotations

from torch import nn

NAME = "learning_rate_scale"


def set_rate_scale(parameter: nn.Parameter, scale: float) -> None:
    """Let `parameter` learn at `scale` times the optimiser's rate."""
    setattr(parameter, NAME, scale)


def rate_scale(parameter: nn.Parameter) -> float:
    """The share of the optimiser's rate at which a parameter learns: 1 unless someone said otherwise."""
    scale: float = getattr(parameter, NAME, 1.0)
    return scale
