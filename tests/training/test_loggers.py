"""The journal of a run: what an interrupted one wrote too much goes, and what it wrote half."""

from __future__ import annotations

import json
from pathlib import Path

from seqvae.training.loggers import JsonLines


def test_lines_after_the_checkpoint_and_a_cut_last_line_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.0}\n{"step": 3, "los', encoding="utf-8")
    journal = JsonLines(path, until=1)
    journal.write({"step": 2, "loss": 2.5})
    journal.close()
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [
        {"step": 1, "loss": 3.0},
        {"step": 2, "loss": 2.5},
    ]
