"""seqvae: variational autoencoders of sequences, for text, sketches and molecules.

The letters in every docstring's shapes:

    B batch   T time steps   S posterior samples   K latent dimensions   H hidden width   V vocabulary   M mixture components
    R rows of a decoder (any mix of records and samples)   W width of a step that is a vector   N records of a data set

Units are nats unless a name says otherwise. `ELBO = -(distortion + rate)`, all in nats per sequence.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqvae.errors import SeqVAEError as SeqVAEError
    from seqvae.registry import register as register
    from seqvae.vae import SeqVAE as SeqVAE

try:
    __version__ = version("seqvae")
except PackageNotFoundError:  # a checkout that is not installed
    __version__ = "0+unknown"

__all__ = ["SeqVAE", "SeqVAEError", "__version__", "register"]

_HOMES = {"SeqVAE": "seqvae.vae", "SeqVAEError": "seqvae.errors", "register": "seqvae.registry"}


def __getattr__(name: str) -> Any:
    """Load the public names on first use, so that `import seqvae` is instant."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'seqvae' has no attribute {name!r}")
