"""The results as `optimise.md`: what came out, beside what was published, with the sizes of what was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqvae.vae import SeqVAE

# recomputed from the raw result files of JT-VAE's repository: improvement, similarity, success in percent
JTVAE = {0.0: (1.96, 0.28, 97.5), 0.2: (1.68, 0.34, 97.4), 0.4: (0.82, 0.52, 85.4), 0.6: (0.18, 0.74, 54.4)}
# JT-VAE's mean over its ten seeds; weighted retraining's plain latent optimisation, mean of five seeds
PUBLISHED = {250: 4.33, 500: 5.71}
SHOWN = ("rate_nats", "active_units", "latent_dim", "reconstruction_exact", "prior_validity")
USABLE = 0.3  # share of held-out molecules given back exactly below which nothing near a molecule can be expected of a model
UNUSABLE = """**This model was trained far too briefly: it does not give its molecules back, so that what it finds is seldom near
its start. The numbers show that the protocols run; they compare with no published ones, whatever stands beside them.**"""
HEAD = """# Optimising molecules

`python -m benchmarks.optimise RUN` remakes this from `optimise/*.json`, which hold every molecule.

{model}
"""
SIMILAR = """
## Improving 800 molecules, staying near them

logP - SA, not z-scored; similarity is Tanimoto over Morgan fingerprints of radius 2, unfolded and with counts, as JT-VAE
computes it. Success: the result differs from the start.
Improvement and similarity are means over successes; in brackets JT-VAE's, recomputed from its raw files. `furthest` chooses as
JT-VAE does, without the real property; `judged` takes the best by the real property, whose calls are counted. Heavy atoms: mean of
the starts, mean of what was found, and the largest found.

| similarity | choice | molecules | improvement | at similarity | success | better than the start | oracle calls | heavy atoms |
|---|---|---|---|---|---|---|---|---|
"""
BUDGET = """
## The best penalized logP for a budget of evaluations

z-scored with GCPN's constants. Starts are training molecules with known values. Published: 250 calls, JT-VAE's mean over seeds,
4.33; 500 calls, latent optimisation without retraining, 5.71: other models, other starts. ZINC250k's own best is 4.52. No training
molecule counts as found. Heavy atoms and carbons in a chain are those of each seed's ten best: median and most.

Labels are the values that a method has before its first call. The climb's heads were fitted to those of the whole training set, the
Gaussian process has those of its starts: the two do not begin alike.

| calls | method | labels | seeds | best of each seed: mean (all) | published | best start | heavy atoms | longest chain |
|---|---|---|---|---|---|---|---|---|
"""


def write(folder: Path, path: Path, vae: SeqVAE) -> Path:
    """Write the table of a model's results in a folder."""
    results = [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]
    results = [result for result in results if result["of"]["made"] == vae.metrics.get("made")]
    text = HEAD.format(model=_model(vae))
    for protocol, title, row in (("similar", SIMILAR, _similar), ("budget", BUDGET, _budget)):
        rows = [row(result) for result in results if result["protocol"] == protocol]
        if rows:
            text += title + "".join(rows)
    path.write_text(text, encoding="utf-8")
    return path


def line(result: dict[str, Any]) -> str:
    """One result, for the terminal."""
    return (_similar if result["protocol"] == "similar" else _budget)(result).strip()


def _model(vae: SeqVAE) -> str:
    """What was searched: data, reconstruction, rate, heads."""
    made, data = vae.metrics.get("made", {}), vae.recipe.data
    judged = vae.metrics.get("test", vae.metrics.get("validation", {}))
    limit = f", the first {data.limit:,}" if data.limit else ""
    shown = {key: judged[key] for key in SHOWN if key in judged}
    numbers = ", ".join(f"{key} {value:.4g}" for key, value in shown.items())
    trained = f"{made.get('training_records', 0):,} records, step {made.get('step', 0):,}, {made.get('hardware', '')}"
    heads = "; ".join(f"{name} {_metrics(found)}" for name, found in judged.get("properties", {}).items())
    source = f"`{Path(data.source).name}`{limit}"
    text = f"Model: {source}; {trained}; unit posterior noise; {numbers}. Heads on held-out records: {heads or 'not measured'}."
    return text if judged.get("reconstruction_exact", 1.0) >= USABLE else f"{text}\n\n{UNUSABLE}"


def _metrics(found: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:.3g}" for key, value in found.items() if key != "count")


def _similar(result: dict[str, Any]) -> str:
    setting, outcomes = result["setting"], result["outcomes"]
    successes = [outcome for outcome in outcomes if outcome["valid"]]
    gains = np.array([outcome["value"] - outcome["start_value"] for outcome in successes])
    near = np.array([outcome["similarity"] for outcome in successes])
    success, better = 100 * len(successes) / len(outcomes), 100 * float((gains > 0).sum()) / len(outcomes)
    before, after = heavy_atoms([o["start"] for o in successes]), heavy_atoms([o["record"] for o in successes])
    theirs = JTVAE[setting["similarity"]]
    sizes = f"{before.mean():.1f}, {after.mean():.1f} ({after.max():.0f})" if len(successes) else "-"
    gained = f"{gains.mean():.2f} ± {gains.std():.2f}" if len(successes) else "-"
    close = f"{near.mean():.2f}" if len(successes) else "-"
    calls = "to measure only" if setting["choice"] == "furthest" else f"{result['oracle_calls']:,}"
    cells = [f"{setting['similarity']:g}", setting["choice"], str(len(outcomes)), f"{gained} (JT-VAE {theirs[0]})"]
    cells += [f"{close} ({theirs[1]})", f"{success:.1f} % ({theirs[2]} %)", f"{better:.1f} %", calls, sizes]
    return f"| {' | '.join(cells)} |\n"


def _budget(result: dict[str, Any]) -> str:
    setting, runs = result["setting"], result["runs"]
    best = [run["best"][0][1] if run["best"] else float("nan") for run in runs]
    top = [record for run in runs for record, _ in run["best"][:10]]
    atoms, chains = heavy_atoms(top), longest_chains(top)
    cells = [str(setting["calls"]), setting["method"].replace("_", " "), f"{result['labels']:,}", str(len(runs))]
    cells += [f"{np.nanmean(best):.2f} ({', '.join(f'{value:.2f}' for value in best)})", f"{PUBLISHED[setting['calls']]}"]
    cells += [f"{result['best_known']:.2f}", f"{np.median(atoms):.0f} ({atoms.max():.0f})" if len(top) else "-"]
    cells += [f"{chains.max():.0f}" if len(top) else "-"]
    return f"| {' | '.join(cells)} |\n"


def heavy_atoms(molecules: Sequence[str]) -> np.ndarray:
    """`[N]`."""
    return _property("heavy_atoms", molecules)


def longest_chains(molecules: Sequence[str]) -> np.ndarray:
    """`[N]` carbons in the longest chain outside rings: what games penalized logP."""
    return _property("longest_chain", molecules)


def _property(name: str, molecules: Sequence[str]) -> np.ndarray:
    from seqvae.modalities.molecule.properties import property_function

    return property_function(name)(list(molecules))
