"""`seqvae fit-heads`: heads for a model that is trained already. The model itself stays as it is, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqvae.cli.arguments import Json, Run, Seed
from seqvae.cli.evaluate import find_data, find_split, held_out_of
from seqvae.cli.explore import load
from seqvae.cli.printing import print_json
from seqvae.errors import ConfigError, DataError, SeqVAEError
from seqvae.user_function import function_at

if TYPE_CHECKING:
    import numpy as np

    from seqvae.data.store import SequenceStore
    from seqvae.vae import SeqVAE

Properties = Annotated[
    list[str],
    typer.Option(
        "--property",
        metavar="NAME",
        help="A column of the data, `label`, what the modality computes, or NAME=module:function; may be repeated.",
    ),
]
Keywords = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Of the heads: kind=classification ensemble=5.")
]


def fit_heads(
    run: Run,
    properties: Properties,
    keywords: Keywords = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of Adam for each head.")] = 2000,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Save the model there instead of into the run.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit a head to each property of a trained model, on its training records, and measure it on held-out ones."""
    from seqvae import registry
    from seqvae.encoding import posterior_means
    from seqvae.heads.property_heads import check_ordered
    from seqvae.recipe import override
    from seqvae.storage.sources import locate

    vae = load(run)
    config = override({}, keywords or [])
    functions = {name: function_at(place) for name, _, place in (given.partition("=") for given in properties) if place}
    names = [given.partition("=")[0] for given in properties]
    for name in names:
        if name not in functions:
            _bring(vae, name)
    train = find_split(vae, "train")
    kind = registry.entries("head").get(str(config.get("kind", "regression")))  # an unknown one is refused with all its keywords
    for name in names:
        if name not in functions and kind is not None:
            check_ordered(name, _columns(train), kind.cls)
    targets = {name: _labels(vae, train, name, functions.get(name)) for name in names}
    vae.fit_heads(posterior_means(vae.model, train), targets, steps=steps, seed=seed, **config)
    split, store = held_out_of(find_data(vae).splits)
    measured = _measured(vae, store, {name: _labels(vae, store, name, functions.get(name)) for name in names})
    vae.metrics["heads"] = {"properties": {**vae.metrics.get("heads", {}).get("properties", {}), **measured}}
    place = out or locate(run)
    vae.save_pretrained(place)
    if as_json:
        print_json({"out": str(place), "split": split, "properties": measured})
        return
    for name, found in measured.items():
        typer.echo(f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in found.items())} on {split} records")


def _labels(vae: SeqVAE, store: SequenceStore, name: str, function: Callable[[Any], float] | None) -> np.ndarray:
    """`[N]` values of a property of a split's records, NaN where missing; of the data's own columns, or by a user's function."""
    from seqvae.data.computed import computed, each
    from seqvae.heads.property_heads import target_of

    if function is not None:
        records = vae.codec.decode([store[row] for row in range(len(store))])
        return computed(name, each(function, vae.modality), records)
    target = target_of(name, _columns(store), store.property_tensor, store.label_tensor)
    assert target is not None, "_bring has seen to it"
    return target.numpy()


def _columns(store: SequenceStore) -> dict[str, int]:
    return {name: number for number, name in enumerate(store.property_names)}


def _bring(vae: SeqVAE, name: str) -> None:
    """Let the data bring a property that it did not bring so far: a column, else one that the modality computes.

    Raises:
        DataError: neither.
    """
    from seqvae.heads.property_heads import LABEL

    data, held = vae.recipe.data, find_split(vae, "train").property_names
    if name in held or (name == LABEL and data.label is not None):
        return
    columns = data.properties or tuple(column for column in held if column not in data.computed)  # a card's own
    trained = vae.recipe
    try:
        vae.recipe = replace(trained, data=replace(data, properties=(*columns, name)))
        find_split(vae, "train")
    except SeqVAEError as error:
        vae.recipe = trained
        _compute(vae, name, str(error))


def _compute(vae: SeqVAE, name: str, no_column: str) -> None:
    """Have the modality compute a property of which the data has `no_column`."""
    from seqvae.data.computed import property_functions

    data = vae.recipe.data
    try:
        property_functions(vae.modality, [name])
    except ConfigError as unknown:
        raise DataError(f"no property {name!r}: {no_column}; {unknown}; or give your own, {name}=module:function") from unknown
    vae.recipe = replace(vae.recipe, data=replace(data, computed=(*data.computed, name)))


def _measured(vae: SeqVAE, store: SequenceStore, targets: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """What each head is worth on a split, of the properties that it has values of."""
    import numpy as np
    import torch

    from seqvae.encoding import posterior_means

    z = posterior_means(vae.model, store)
    found = {}
    with torch.no_grad():
        for name, target in targets.items():
            if not np.isnan(target).all():
                head = vae.model.heads[name].eval()
                predicted = head.predict(z).mean
                found[name] = head.metrics(predicted, torch.from_numpy(target).to(predicted))
    return found
