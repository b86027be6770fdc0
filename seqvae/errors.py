"""The errors a user can cause, as one small tree.

Each message says what is wrong, the actual value, and what to do. The command line prints it as one line and exits with code 2;
anything outside this tree is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SeqVAEError(Exception):
    """Base of every error that a user can cause and mend."""


class ConfigError(SeqVAEError):
    """A recipe or an override that cannot be built; carries every problem found, not only the first."""

    def __init__(self, problems: str | list[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else problems
        super().__init__("; ".join(self.problems))


class DataError(SeqVAEError):
    """A file or a record that cannot be read: names the file and, where there is one, the line."""


class RunError(SeqVAEError):
    """A run folder, model folder or checkpoint that is missing, foreign, damaged or already in use."""


class TrainingError(SeqVAEError):
    """Training cannot go on: a loss or gradient that stays non-finite, for example."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The sentence that ends an unknown-name message: the nearest known name, or the whole list when none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
