"""What a person sees while training: a live table on a terminal, plain lines elsewhere. Always stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from seqvae.evaluation.verdict import Verdict
from seqvae.recipe import TrainingSettings
from seqvae.training.progress import Progress

SHOWN = 12  # validations kept in the table


class Screen:
    """A context manager; `enabled` is false on all processes but the first.

    Args:
        settings: for the end of training, hence the time left.
        batches_per_epoch: micro-batches an epoch.
    """

    def __init__(self, settings: TrainingSettings, batches_per_epoch: int, enabled: bool = True) -> None:
        steps_per_epoch = -(-batches_per_epoch // settings.accumulate)
        ends = [settings.steps, settings.epochs * steps_per_epoch if settings.epochs else None]
        self.total_steps = min(end for end in ends if end is not None)
        self.console = Console(stderr=True)
        self.enabled = enabled
        self.rows: list[tuple[str, ...]] = []
        self.now: tuple[str, ...] = ()
        self.collapsed = False
        self.live = Live(console=self.console, refresh_per_second=4) if enabled and sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self.live:
            self.live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.__exit__(None, None, None)

    def trained(self, progress: Progress, values: Mapping[str, float]) -> None:
        """Show the means of the last window of training."""
        self.now = (
            f"{progress.step:,}",
            f"{progress.epoch}",
            f"{values['distortion']:.2f}",
            f"{values['rate']:.2f}",
            "",
            "",
            f"{values.get('beta', 1.0):.2f}",
            f"{values['lr']:.2g}",
            f"{values['tokens_per_second']:,.0f}",
            self._time_left(progress),
        )
        self._refresh()

    def validated(self, progress: Progress, metrics: Mapping[str, Any], best: bool) -> None:
        """Show a validation; the best so far is marked."""
        row = (
            f"{progress.step:,}",
            f"{progress.epoch}",
            f"{metrics['distortion_nats']:.2f}",
            _nats(metrics, "rate_nats"),
            f"{_nats(metrics, 'elbo_nats')}{' *' if best else ''}",
            f"{metrics['active_units']}",
        )
        self.rows = [*self.rows, (*row, *self.now[6:])][-SHOWN:]
        if self.enabled and self.live is None:
            step, epoch, distortion, rate, elbo, units = row
            self.console.print(
                f"step {step}  epoch {epoch}  valid ELBO {elbo} nats (distortion {distortion}, rate {rate})  active units {units}  "
                f"{progress.tokens_per_second:,.0f} tokens/s  left {self._time_left(progress)}",
                highlight=False,
                soft_wrap=True,
            )
        self._refresh()

    def judged(self, found: Verdict) -> None:
        """Warn of collapse when it is first seen, and again if it comes back."""
        if self.enabled and found.collapsed and not self.collapsed:
            self.console.print(f"{found.sentence} {found.advice}".rstrip(), style="yellow", highlight=False, soft_wrap=True)
        self.collapsed = found.collapsed

    def _refresh(self) -> None:
        if self.live is None:
            return
        table = Table(title="nats per sequence; valid ELBO at beta 1, * best so far", title_style="dim")
        for name in ("step", "epoch", "distortion", "rate", "valid ELBO", "active units", "beta", "lr", "tokens/s", "left"):
            table.add_column(name, justify="right")
        for row in self.rows:
            table.add_row(*row)
        if self.now:
            table.add_row(*self.now, style="bold")
        self.live.update(table)

    def _time_left(self, progress: Progress) -> str:
        if progress.step == 0:
            return ""
        seconds = round(progress.seconds / progress.step * max(0, self.total_steps - progress.step))
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def _nats(metrics: Mapping[str, Any], name: str) -> str:
    """A number of a validation, or a dash where the posterior has no density and so no such number."""
    return f"{metrics[name]:.2f}" if name in metrics else "-"
