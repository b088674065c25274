"""Shows how far a run is: a live line on a terminal, one plain line per finished phase elsewhere. Always on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol

import click

WORTH_A_LINE = 0.05
"""Seconds; what is over sooner would read as 0.0."""


class Progress(Protocol):
    """What a run calls: the phase it is in, a few words on what it does there, and, where known, how much is done."""

    def __call__(self, phase: str, message: str = "", *, done: int | None = None, total: int | None = None) -> None:
        """Say that `phase` is under way; a new phase ends the one before."""
        ...


class RunProgress:
    """A Progress for people; use it in a `with` statement so that the last phase is closed."""

    def __init__(self) -> None:
        self._phase: str | None = None
        self._message = ""
        self._began = self._phase_began = time.monotonic()
        self._live = sys.stderr.isatty()
        self._display = None
        if self._live:
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Display

            self._display = Display(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._display.add_task("starting", total=None)

    def __call__(self, phase: str, message: str = "", *, done: int | None = None, total: int | None = None) -> None:
        """See `Progress`."""
        if phase != self._phase:
            self._finish()
            self._phase, self._phase_began = phase, time.monotonic()
        self._message = message or self._message
        if self._display:
            self._display.update(self._task, description=f"{phase}  {message}", completed=done or 0, total=total)

    def __enter__(self) -> RunProgress:
        if self._display:
            self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        if self._display:
            self._display.stop()

    def _finish(self) -> None:
        if self._phase is None:
            return
        seconds = time.monotonic() - self._phase_began
        phase, message = self._phase, self._message
        self._phase, self._message = None, ""
        if seconds < WORTH_A_LINE:
            return
        line = f"{seconds:7.1f} s  {phase}"
        line += f": {message}" if message else ""
        if self._display:
            self._display.console.print(line, highlight=False, markup=False)
        else:
            click.echo(line, err=True)
