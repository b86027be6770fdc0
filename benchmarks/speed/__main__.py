"""Measure and write `benchmarks/results/speed-text.json`.

    python -m benchmarks.speed text [--quick] [--threads N]
    python -m benchmarks.speed climbing [--threads N]

`text`, on a quiet machine: about 15 minutes on two cores. `--quick` takes a minute, at sizes too small to mean anything, and prints
only. `climbing` takes a minute: gradient ascent of a thousand latents on the heads alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"


def main(arguments: list[str]) -> None:
    """Parse, measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    parser.add_argument("what", choices=["text", "climbing"])
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--threads", type=int, help="CPU threads; torch's choice if not given")
    chosen = parser.parse_args(arguments)

    import torch
    from rich.console import Console

    from benchmarks.speed import climbing, text

    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    measured = {"text": text, "climbing": climbing}[chosen.what]
    result = measured.measure(chosen.quick)
    measured.show(result, Console(width=140))
    if not chosen.quick:
        path = RESULTS / f"speed-{chosen.what}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
