"""A density of encodings, fitted after training, to sample from in the prior's place (Ghosh et al. 2020, arXiv 1903.12436)."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from seqvae import registry


def fit_mixture(z: Tensor, components: int, covariance: Literal["full", "diagonal"] | None) -> tuple[nn.Module, dict[str, Any]]:
    """The mixture of Gaussians that is likeliest for latents `[N,*event]`, and the configuration that it was built from.

    Args:
        z: latents; chance comes from torch's global generator.
        components: Gaussians.
        covariance: full where latents are vectors and diagonal where they are sequences, unless given.

    Raises:
        ConfigError: full covariances over a sequence of latents.
        DataError: fewer latents than components, or latents that are all one.
    """
    event = z.shape[1:]
    covariance = covariance or ("full" if len(event) == 1 else "diagonal")
    config = {"kind": "mixture", "components": components, "covariance": covariance}
    mixture = registry.build("prior", config, event).to(z)
    mixture.fit(z)
    return mixture, config
