"""Look again and again: once a second, and less often while nothing works. A failure ends no watch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from shared.errors import ErrorCode, ScoutError
from shared.usecases.ports import Ports

E = TypeVar("E")

LOOK_EVERY_S = 1.0
"""Between two looks: what people feel as at once, and one small question to Redis for each watcher."""

LONGEST_PAUSE_S = 30.0
"""Between two tries while nothing works; it doubles up to here, and is never longer, whatever an error asks for: what
others see meanwhile costs nothing."""

_DOUBLED = 5
"""Times; more would be above the longest pause."""

TRANSIENT = frozenset(
    {
        ErrorCode.DHT_UNAVAILABLE,
        ErrorCode.BUS_UNAVAILABLE,
        ErrorCode.DEADLINE_EXCEEDED,
        ErrorCode.OVERLOADED,
        ErrorCode.BUDGET_SPENT,
        ErrorCode.INTERNAL,
    }
)
"""Errors that pass. Others mean that what is watched is no good."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The end of one look: nothing more is new for now."""

    failed: ScoutError | None = None
    """What kept it from seeing; it is tried again."""


@dataclass(slots=True)
class _Failures:
    """When to try again after looks that failed."""

    ports: Ports
    in_a_row: int = 0
    not_before: float = float("-inf")
    """Monotonic seconds."""

    def took_place(self, error: ScoutError) -> None:
        """Count one, and wait longer than after the last."""
        pause = max(LOOK_EVERY_S * 2 ** min(self.in_a_row, _DOUBLED), error.retry_after or 0.0)
        self.in_a_row += 1
        spread = self.ports.dice.uniform(0.5, 1.5)
        self.not_before = self.ports.clock.monotonic() + min(LONGEST_PAUSE_S, pause) * spread

    @property
    def is_waiting(self) -> bool:
        """Whether it is too early to try again."""
        return self.ports.clock.monotonic() < self.not_before


async def again_and_again(
    ports: Ports, look: Callable[[], AsyncGenerator[E, None]]
) -> AsyncGenerator[E | Looked, None]:
    """What each `look` brings, for ever, and a `Looked` at the end of each. Raises ScoutError for what does not pass.

    Also while it waits to try again there is a `Looked` each second: for whoever has to say that he is still there.
    """
    failures = _Failures(ports)
    while True:
        error = None
        if not failures.is_waiting:
            try:
                async with aclosing(look()) as brought:
                    async for event in brought:
                        yield event
            except ScoutError as failed:
                if failed.code not in TRANSIENT:
                    raise
                error = failed
                failures.took_place(failed)
            else:
                failures.in_a_row = 0
        yield Looked(error)
        await ports.pause(LOOK_EVERY_S)
