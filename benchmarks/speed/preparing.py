"""`prepare`: raw sentences per minute, and peak resident memory for N and for 10 N of them.

Each run is a process of its own. The memory is read from `/proc`, so this part needs Linux.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.speed.corpus import lines

PROBE = """
import json, sys, time
from seqvae import registry
from seqvae.data.prepare import prepare
from seqvae.data.settings import DataSettings
def peak():  # of this process alone; getrusage would carry over what the parent held before exec
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
modality = registry.build("modality", {"kind": "text"})
idle = peak()
start = time.perf_counter()
prepared = prepare(DataSettings(source=sys.argv[1]), modality, json.loads(sys.argv[2]), 0)
seconds = time.perf_counter() - start
records = sum(len(store) for store in prepared.splits.values())
print(json.dumps({"records": records, "seconds": seconds, "idle_mb": idle, "peak_mb": peak()}))
"""
TOKENIZERS: dict[str, dict[str, Any]] = {
    "word": {"kind": "word", "vocab_size": 10_000},
    "sentencepiece": {"kind": "sentencepiece", "vocab_size": 8000},
}


def preparing(records: int) -> list[dict[str, Any]]:
    """One line a tokenizer and size: sentences per minute (fitting the tokenizer counted) and memory in MB."""
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (records, 10 * records):
            path = Path(folder) / f"{count}.txt"
            path.write_text("\n".join(lines(count)) + "\n", "utf-8")
            for name, config in TOKENIZERS.items():
                measured = _in_a_process(path, config, Path(folder) / "cache")
                minute = measured["records"] / measured["seconds"] * 60
                results.append({"tokenizer": name, **measured, "sentences_per_minute": minute, "target": 100_000})
    return results


def _in_a_process(path: Path, config: dict[str, Any], cache: Path) -> dict[str, Any]:
    environment = {**os.environ, "SEQVAE_CACHE": str(cache)}
    command = [sys.executable, "-c", PROBE, str(path), json.dumps(config)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"prepare failed:\n{done.stderr}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured
