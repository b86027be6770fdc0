"""Optimise molecules by the field's two protocols, and write down everything that came out.

    python -m benchmarks.optimise RUN [--only similar|budget] [--limit N] [--seeds N]

RUN is a molecule model with heads for `penalized_logp_raw` and `penalized_logp_gcpn`; without them:

    seqvae fit-heads RUN --property penalized_logp_raw --property penalized_logp_gcpn ensemble=5

`similar` needs the 800 molecules of JT-VAE's task, molecules/zinc800_logp_sa.txt under SEQVAE_DATA. Each setting is one json in
`benchmarks/results/optimise/`, with every molecule in it; one that is there, of the same model and size, is not done again.
`--limit` and few seeds show that it runs, and are said in the table, `benchmarks/results/optimise.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.optimise import budget, similar, table

if TYPE_CHECKING:
    from seqvae.vae import SeqVAE

RESULTS = Path(__file__).parents[1] / "results"


def main(arguments: list[str]) -> None:
    """Do what is not done yet, then write the table anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimise")
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("--only", choices=["similar", "budget"])
    parser.add_argument("--limit", type=int, help="only the first so many of the 800 molecules")
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args(arguments)

    from seqvae.errors import SeqVAEError
    from seqvae.vae import SeqVAE

    try:
        vae = SeqVAE.from_pretrained(chosen.run)
        if chosen.only != "budget":
            for setting in similar.SETTINGS:
                _once(vae, setting.name, chosen.limit, lambda setting=setting: similar.measure(vae, setting, chosen.limit))
        if chosen.only != "similar":
            for plan in budget.settings(chosen.seeds):
                _once(vae, plan.name, chosen.seeds, lambda plan=plan: budget.measure(vae, plan))
    except SeqVAEError as error:
        sys.exit(f"error: {error}")
    path = table.write(RESULTS / "optimise", RESULTS / "optimise.md", vae)
    print(f"written to {path}")


def _once(vae: SeqVAE, name: str, size: int | None, work: Callable[[], dict[str, Any]]) -> None:
    """Do a setting, unless its file says that it was done with the same model and at the same size."""
    path = RESULTS / "optimise" / f"{name}.json"
    identity = {"made": vae.metrics.get("made"), "size": size}
    if path.is_file() and json.loads(path.read_text("utf-8")).get("of") == identity:
        print(f"{name}: done already")
        return
    result = {"of": identity, **work()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {table.line(result)}")


if __name__ == "__main__":
    main(sys.argv[1:])
