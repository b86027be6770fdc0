"""The model card: the README.md of a saved model, for a reader who has found it on a disk or on the hub (Mitchell et al. 2019,
arXiv 1810.03993)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqvae.definitions import DEFINITIONS, Definition
from seqvae.recipe import Recipe

TEMPLATE = """---
library_name: seqvae
tags:
- variational-autoencoder
- {modality}
---

# A variational autoencoder of sequences: {modality}

{encoder} encoder, {posterior} posterior, {prior} prior, {decoder} decoder, {likelihood} likelihood. It turns a record into a latent
vector and a latent vector into a record. Trained on `{source}` with seqvae.

## Measured
{verdict}
{measured}

## Use it

```python
from seqvae import SeqVAE

vae = SeqVAE.from_pretrained("this folder, or its name on the hub")
print(vae.sample(4, seed=0))                      # new records
a, b = vae.sample(2, seed=1)
z = vae.encode([a, b])                            # posterior means, one row a record
print(vae.decode(z))                              # greedy
print(vae.interpolate(a, b, steps=5))
print(vae.log_prob([a, b], samples=100))          # a bound on log p(x), nats per sequence
```

## How it was made

The recipe, as `recipe.yaml`:

```yaml
{recipe}```

    seqvae train recipe.yaml

## Licence

Not stated. Whoever publishes this model: add `license:` at the top of this card, and mind the licence of the data.
"""


def model_card(recipe: Recipe, metrics: Mapping[str, Any]) -> str:
    """Markdown with the hub's yaml header. Metrics may be flat, or in named groups; lists are left out."""
    config = recipe.to_config()
    parts = {name: part["kind"] for name, part in config["model"].items() if name != "heads"}
    return TEMPLATE.format(
        modality=config["modality"]["kind"],
        source=recipe.data.source,
        verdict=_verdict(metrics),
        measured="\n\n".join(_tables(metrics)) or "Nothing yet: `seqvae evaluate` measures it.",
        recipe=recipe.to_yaml(),
        **parts,
    )


def _verdict(metrics: Mapping[str, Any]) -> str:
    """A sentence on posterior collapse, where it was judged."""
    judged = next((group["collapsed"] for group in (metrics, *_groups(metrics).values()) if "collapsed" in group), None)
    if judged is None:
        return ""
    if judged:
        return "\n**The posterior has collapsed**: the latent says next to nothing about the record. Do not explore this model.\n"
    return "\nThe posterior has not collapsed: the latent tells records apart.\n"


def _tables(metrics: Mapping[str, Any]) -> list[str]:
    """One table of the plain values, and one for each group of them."""
    tables = [_table("", metrics), *(_table(f"{name.capitalize()}:", group) for name, group in _groups(metrics).items())]
    return [table for table in tables if table]


def _groups(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: value for name, value in metrics.items() if isinstance(value, Mapping)}


def _table(title: str, metrics: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in _flat(metrics).items() if isinstance(value, (int, float, str))}
    if not plain:
        return ""
    defined = {name: DEFINITIONS.get(name.split(".")[0], Definition("", "")) for name in plain}
    rows = [f"| {name} | {_shown(value)} | {defined[name].unit} | {defined[name].meaning} |" for name, value in plain.items()]
    head = [title, ""] if title else []
    return "\n".join([*head, "| what | value | unit | meaning |", "|---|---|---|---|", *rows])


def _flat(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The properties' own measures beside the others: `properties.logP.mae`."""
    found: dict[str, Any] = {}
    for name, value in metrics.items():
        if name != "properties":
            found[name] = value
            continue
        found |= {f"{name}.{head}.{key}": number for head, measures in value.items() for key, number in measures.items()}
    return found


def _shown(value: float | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
