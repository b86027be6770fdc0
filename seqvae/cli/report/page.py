"""The page: one self-contained HTML file, a section for each study. It loads nothing, from this machine or any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from seqvae import __version__
from seqvae.cli.report.drawings import MINUS, figures
from seqvae.cli.report.study import TEMPERATURE, Study

STYLE = Path(__file__).with_name("page.css")


def page(studies: Sequence[Study]) -> str:
    """The whole report."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>seqvae demo</title>
<style>
{STYLE.read_text("utf-8")}</style>
</head>
<body>
<main>
<header>
<h1>What a sequence VAE learned</h1>
<p>Written by <code>seqvae demo</code>. Every number, figure and record below comes from models trained on this machine.</p>
</header>
{"".join(map(section, studies))}
<footer><p>seqvae {escape(__version__)}</p></footer>
</main>
</body>
</html>
"""


def section(study: Study) -> str:
    """One study: what it is, the verdict, the figures, records, and the card."""
    finding = study.verdict
    parts = [
        f"<h2>{escape(study.records.capitalize())}</h2>\n<p>{escape(_facts(study))}</p>",
        f'<p class="verdict{" collapsed" * finding.collapsed}">{escape(f"{finding.sentence} {finding.advice}".strip())}</p>',
        _figures(study),
        _walks(study),
        _reconstructions(study),
        _samples(study),
        _card(study),
    ]
    return f'<section id="{study.name}">\n{"".join(parts)}</section>\n'


def _facts(study: Study) -> str:
    facts: Mapping[str, Any] = study.facts
    return (
        f"{facts['training_records']:,} {study.records} out of {study.source}; a model of {facts['parameters'] / 1e6:.1f} million "
        f"parameters, trained in {study.seconds:.0f} seconds ({facts['hardware']})."
    )


def _figures(study: Study) -> str:
    drawn = figures(study)
    floor = "" if study.floor is None else f" The objective charges nothing below the line at {study.floor:g}."
    learning = (
        f"Learning. {MINUS}ELBO = distortion + rate, on {study.records} held out from training; the shaded band is the rate, what "
        "the latent tells the decoder."
    )
    rates = (
        f"The rate of each latent dimension, KL(q(z|x) ‖ p(z)) averaged over {study.records} held out. "
        f"{study.metrics['active_units']} of {study.metrics['latent_dim']} are active: their posterior means vary.{floor}"
    )
    places = (
        f"{len(study.places)} unseen {study.records} at their posterior means, in the plane where these vary most. "
        "The numbered ones are listed below."
    )
    return f"""<div class="pair">{_figure(drawn["learning"], learning)}{_figure(drawn["rates"], rates)}</div>
<h3>A map of the latent space</h3>
{_figure(drawn["map"], places, "wide")}
<ol class="{_kind(study, "key")}">{_items(study, list(study.named.values()))}</ol>
"""


def _walks(study: Study) -> str:
    walks = "".join(
        f'<div><h4>From {walk.start} to {walk.end}</h4><ol class="{_kind(study, "path")}">{_items(study, walk.records)}</ol></div>'
        for walk in study.walks
    )
    return f"""<h3>Across the map</h3>
<p>What the decoder makes of equal steps along the two lines that cross the map; the ends are reconstructions of the {study.records}
numbered there.</p>
<div class="pair">{walks}</div>
"""


def _reconstructions(study: Study) -> str:
    rows = "".join(
        f"<tr><td>{study.show(given)}</td><td>{study.show(decoded)}</td></tr>\n" for given, decoded in study.reconstructions
    )
    head = "<thead><tr><th>given</th><th>decoded from its latent alone</th></tr></thead>"
    table = f'<table class="{_kind(study, "records")}">{head}<tbody>\n{rows}</tbody></table>'
    return f'<h3>Reconstructions</h3>\n<div class="table">{table}</div>\n'


def _samples(study: Study) -> str:
    return f"""<h3>New {study.records}</h3>
<p>Latents drawn from the prior, decoded at temperature {TEMPERATURE:g}.</p>
<ul class="{_kind(study, "samples")}">{_items(study, study.samples)}</ul>
"""


def _card(study: Study) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td><td>{escape(unit)}</td><td>{escape(meaning)}</td></tr>\n"
        for name, value, unit, meaning in study.rows
    )
    head = "<thead><tr><th>measure</th><th>value</th><th>unit</th><th>meaning</th></tr></thead>"
    return f"""<h3>The numbers</h3>
<div class="table"><table class="card">{head}<tbody>
{rows}</tbody></table></div>
<p class="aside">From fewer {study.records} and samples than a paper would take, to be quick. In full:
<code>seqvae evaluate {escape(str(study.run))}</code></p>
"""


def _figure(svg: str, caption: str, kind: str = "narrow") -> str:
    return f'<figure class="{kind}">{svg}<figcaption>{escape(caption)}</figcaption></figure>'


def _kind(study: Study, kind: str) -> str:
    """The style class of a list of records: pictures stand side by side, words on lines of their own."""
    return f"{kind} drawn" if study.drawn else kind


def _items(study: Study, records: Sequence[Any]) -> str:
    return "".join(f"<li>{study.show(record)}</li>" for record in records)
