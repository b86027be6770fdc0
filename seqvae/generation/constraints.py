"""What a constraint on generation is: a set of allowed tokens that depends on the tokens so far (a grammar, a valence rule).

Forbidden tokens get probability exactly zero before the softmax, so what comes out obeys the constraint whatever the latent
(grammar VAE, Kusner et al. 2017, arXiv 1703.01925).
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor


class Constraint(Protocol):
    """Follows many rows side by side. Its state is its own business; it must be new at each step, never changed in place.

    A row that has ended stays until it is dropped: `advance` then gets steps without meaning, and its row of `allowed` is ignored.
    """

    def start(self, rows: int) -> Any:
        """The state of `rows` rows before their first step."""

    def allowed(self, state: Any) -> Tensor:
        """`[R,V]` bool: the tokens that may come next, at least one in each row that has not ended."""

    def advance(self, state: Any, step: Tensor) -> Any:
        """The state after the steps `[R]`."""

    def select(self, state: Any, index: Tensor) -> Any:
        """The rows `index [R']` of a state, in that order, repeats included."""
