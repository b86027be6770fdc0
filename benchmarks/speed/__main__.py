"""Measure and write `benchmarks/results/speed-NAME.json`.

    python -m benchmarks.speed text|sketch|transformer|molecule|climbing|gpu [--quick] [--threads N]

On a quiet machine: about 15 minutes on two cores for each, a minute for `climbing`; `gpu` wants a graphics card. `--quick` takes a
minute or two, at sizes too small to mean anything, and prints only.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
# modules beside this one, each with `measure(quick)` and `show(result, console)`
BENCHMARKS = ("text", "sketch", "transformer", "molecule", "climbing", "gpu")


def main(arguments: list[str]) -> None:
    """Parse, measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    parser.add_argument("what", choices=BENCHMARKS)
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice if not given")
    chosen = parser.parse_args(arguments)

    import torch
    from rich.console import Console

    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    benchmark = importlib.import_module(f"benchmarks.speed.{chosen.what}")
    result = benchmark.measure(chosen.quick)
    benchmark.show(result, Console(width=140))
    if not chosen.quick:
        path = RESULTS / f"speed-{chosen.what}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
