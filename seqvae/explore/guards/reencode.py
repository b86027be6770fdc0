"""Consistency of the round trip: a record is kept only if it encodes near the latent that it was decoded from.

    |encode(decode(z)) - z| <= share * |z|

Where the round trip ends elsewhere the head judged another record than the one that came out.
"""

from __future__ import annotations

from pydantic import PositiveFloat
from torch import Tensor

from seqvae.explore.guards.guard import Guard, norms
from seqvae.registry import register


@register("guard", "reencode")
class Reencode(Guard):
    """Tests the round trip.

    Args:
        share: of the latent's length that the round trip may miss by.
    """

    def __init__(self, *, share: PositiveFloat = 1.0) -> None:
        self.share = share

    def admits(self, z: Tensor, again: Tensor) -> Tensor:
        return norms(again - z) <= self.share * norms(z)
