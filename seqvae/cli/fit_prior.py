"""`seqvae fit-prior`: a density of a trained model's encodings, to sample from (Ghosh et al. 2020, arXiv 1903.12436)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seqvae.cli.arguments import Json, Run, Seed
from seqvae.cli.evaluate import find_split
from seqvae.cli.explore import load
from seqvae.cli.printing import print_json


def fit_prior(
    run: Run,
    components: Annotated[int, typer.Option(min=1, help="Gaussians in the mixture.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Save the model there instead of into the run.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit a mixture of Gaussians to the encodings of the training records; `sample --prior ex_post` then draws from it.

    The model itself stays as it is. For a deterministic posterior this is the way to sample.
    """
    from seqvae.encoding import posterior_samples
    from seqvae.inference import seeded
    from seqvae.storage.sources import locate

    vae = load(run)
    with seeded(seed):
        z = posterior_samples(vae.model, find_split(vae, "train"))
        vae.fit_prior(z, components)
    place = out or locate(run)
    vae.save_pretrained(place)
    if as_json:
        print_json({"out": str(place), "records": len(z), "components": components})
    else:
        typer.echo(f"{components} Gaussians fitted to {len(z)} encodings; seqvae sample {place} --prior ex_post draws from them")
