"""What the story tells while it goes, and the table it ends with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from rich.markup import escape

from scout.answers import StoringReport
from scout.cli.output import Output
from shared.clock import Clock


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One operation of the story: how long it took, and how many nodes stored what it wrote (None: nothing was)."""

    operation: str
    ms: float
    stored: int | None = None
    asked: int | None = None


class Timer:
    """Given to the block whose time is taken, for the storing report it may get."""

    def __init__(self) -> None:
        """Nothing was written yet."""
        self.storing: StoringReport | None = None


class Account:
    """Tells the story to a person, and keeps its steps."""

    def __init__(self, output: Output, clock: Clock) -> None:
        """Speak through `output`, take times from `clock`."""
        self._output = output
        self._clock = clock
        self.steps: list[Step] = []

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self._output.say("", f"[bold]{escape(title)}[/bold]")

    def say(self, line: str) -> None:
        """One sentence of it."""
        self._output.say(f"  {escape(line)}")

    def show(self, line: str) -> None:
        """Something to look at rather than to read."""
        self._output.say(f"    [cyan]{escape(line)}[/cyan]")

    @contextmanager
    def timed(self, operation: str) -> Iterator[Timer]:
        """Take the block's time as a step; one that raises leaves none."""
        timer = Timer()
        started = self._clock.monotonic()
        yield timer
        ms = round((self._clock.monotonic() - started) * 1000, 1)
        storing = timer.storing
        self.steps.append(
            Step(
                operation=operation,
                ms=ms,
                stored=storing.stored if storing else None,
                asked=storing.asked if storing else None,
            )
        )

    def finish(self) -> None:
        """The table; to a script the steps as JSON."""
        self._output.say("")
        self._output.table(
            {"steps": self.steps},
            ("Operation", "ms", "Stored by"),
            (
                (step.operation, f"{step.ms:.1f}", f"{step.stored} of {step.asked}" if step.asked is not None else "")
                for step in self.steps
            ),
            empty="Nothing happened.",
        )
        self._output.say("", "A write answers as soon as enough nodes have stored it; the others follow.")
