"""`results/collapse.md` from the rows' JSON files: the tables between its markers are rewritten, the text around them is kept."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.collapse.cost import read_costs
from benchmarks.collapse.rows import ROWS

RESULTS = Path(__file__).parents[1] / "results"
PAGE, FOLDER = RESULTS / "collapse.md", RESULTS / "collapse"
COLUMNS = (
    "cure",
    "NLL, nats",
    "-ELBO",
    "rate",
    "information",
    "active units",
    "BLEU",
    "kept at update",
    "seconds an epoch",
    "a step costs",
    "seeds",
)


def result_path(row: str, data: str, seed: int) -> Path:
    """Where a finished row's numbers are."""
    return FOLDER / f"{data}-{row}-{seed}.json"


def costs_path(data: str) -> Path:
    """Where the costs of a step are."""
    return FOLDER / f"{data}-costs.json"


def write_page() -> None:
    """Bring every table of the page up to date."""
    text = PAGE.read_text(encoding="utf-8")
    for data in re.findall(r"<!-- table (\w+) -->", text):
        marks = rf"(<!-- table {data} -->\n).*?(<!-- end of table -->)"
        table = _table(data)
        text = re.sub(marks, lambda found, table=table: found[1] + table + found[2], text, flags=re.DOTALL)
    PAGE.write_text(text, encoding="utf-8")


def _table(data: str) -> str:
    """A line a row; one that was only timed has no numbers but its cost."""
    lines, costs = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)], read_costs(costs_path(data))
    for row in ROWS:
        results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob(f"{data}-{row}-[0-9]*.json"))]
        cost = f"{costs[row][1]:.2f}" if row in costs else "-"
        if results:
            lines.append(f"| {' | '.join(_cells(row, results, cost))} |")
        elif row in costs:
            lines.append(f"| {' | '.join([row, 'not run', *'-------', cost, '0'])} |")
    return "\n".join(lines) + "\n"


def _cells(row: str, results: Sequence[dict[str, Any]], cost: str) -> list[str]:
    """One row; means over seeds, and what does not apply to a model is a dash."""

    def mean(name: str, digits: int = 2, sign: int = 1) -> str:
        values = [result["metrics"][name] for result in results if name in result["metrics"]]
        return f"{sign * statistics.mean(values):.{digits}f}" if values else "-"

    first = results[0]["metrics"]
    nll = mean("nll_nats") + (f" ± {first['nll_stderr_nats']:.2f}" if "nll_stderr_nats" in first else "")
    information = mean("mi_nats") + (f" of at most {first['mi_bound_nats']:.1f}" if "mi_nats" in first else "")
    units = f"{mean('active_units', 0)} of {first['latent_dim']}"
    seconds = statistics.mean(result["seconds_per_epoch"] for result in results)
    return [
        row,
        nll,
        mean("elbo_nats", sign=-1),
        mean("rate_nats"),
        information,
        units,
        mean("bleu", 1),
        ", ".join(f"{step:,}" for step in sorted({result["made"]["step"] for result in results})),
        f"{seconds:.0f}",
        cost,
        str(len(results)),
    ]
