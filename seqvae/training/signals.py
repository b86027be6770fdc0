"""SIGTERM and Ctrl-C end training cleanly: finish the step, checkpoint, leave."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class StopSignals:
    """While open, notes the first SIGTERM or Ctrl-C in `received`; a second one stops at once.

    Outside the main thread Python lets nobody take signals: they then stay with whoever has them.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._note)
            except ValueError:
                break
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number).name

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
