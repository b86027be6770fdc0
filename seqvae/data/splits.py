"""Which split a record of an unsplit file belongs to: decided by a hash of its content, so duplicates never straddle splits.

A record's digest is a number in [0, 2^64). Below the first threshold it is a test record, below the second a valid one, else a
training one. A growing file therefore never moves a record, except while it is so small that the thresholds must bend for every
split to get a record at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RANGE = 2**64
SMALL = 20_000  # distinct records up to which thresholds may bend; with more, a split of any sensible share is never empty


def digest_of(record: Any) -> int:
    """A 64-bit hash of a record's content: text, an array of steps, or anything json can write."""
    if isinstance(record, str):
        content = record.encode("utf-8", "surrogatepass")
    elif isinstance(record, np.ndarray):
        content = f"{record.dtype.str}{record.shape}".encode() + np.ascontiguousarray(record).tobytes()
    else:
        content = json.dumps(record, sort_keys=True).encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")


@dataclass(frozen=True)
class Thresholds:
    """Digests below `test` are test records, digests below `valid` valid ones, the rest training ones."""

    test: int
    valid: int

    def split_of(self, digest: int) -> str:
        """`train`, `valid` or `test`."""
        return "test" if digest < self.test else "valid" if digest < self.valid else "train"


@dataclass
class Splitter:
    """Gathers digests in one pass, then says where the thresholds lie.

    Args:
        valid, test: shares held out, in [0, 1); 0 asks for no such split.
    """

    valid: float
    test: float
    _seen: set[int] = field(default_factory=set)

    def see(self, digest: int) -> bool:
        """Take note of a record; false once there are too many for thresholds to bend, so that no more need be seen."""
        self._seen.add(digest)
        return len(self._seen) <= SMALL

    def thresholds(self) -> Thresholds:
        """Exact shares of the digest range; where three or more distinct records leave a split empty, moved until none is."""
        test, valid = int(self.test * RANGE), int((self.test + self.valid) * RANGE)
        digests = sorted(self._seen)
        if len(digests) > SMALL:
            return Thresholds(test, valid)
        if len(digests) < 1 + (self.test > 0) + (self.valid > 0):
            return Thresholds(0, 0)  # too few to hold any out
        below_test = sum(d < test for d in digests)
        below_valid = sum(d < valid for d in digests)
        last = len(digests) - 1  # at least one stays for training
        below_test = min(max(below_test, int(self.test > 0)), last - int(self.valid > 0))
        below_valid = min(max(below_valid, below_test + int(self.valid > 0)), last)
        return Thresholds(digests[below_test], digests[below_valid])
