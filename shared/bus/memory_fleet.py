"""`ports.Fleet` and `ports.DeadLetters` inside one process: the twins of `fleet` and `dead_letters`."""

from __future__ import annotations

from collections import Counter

from shared.bus import streams
from shared.bus.fleet import by_service
from shared.bus.memory import MemoryBus
from shared.bus.ports import DeadLetter, Member
from shared.clock import Clock
from shared.contracts.envelope import decode, encode
from shared.contracts.fleet import Report


class MemoryFleet:
    """Implements `ports.Fleet` for the services of one process."""

    def __init__(self, clock: Clock) -> None:
        """Tell ages by `clock`."""
        self._clock = clock
        self._seen: dict[str, tuple[float, bytes]] = {}
        """Instance -> when it reported (monotonic seconds), and what; the longest silent first."""

    async def report(self, report: Report) -> None:
        """See `ports.Fleet`."""
        self._seen.pop(report.instance, None)
        self._seen[report.instance] = (self._clock.monotonic(), encode(report))
        while len(self._seen) > streams.FLEET_MAX:
            del self._seen[next(iter(self._seen))]

    async def leave(self, instance: str) -> None:
        """See `ports.Fleet`."""
        self._seen.pop(instance, None)

    async def members(self) -> list[Member]:
        """See `ports.Fleet`."""
        now = self._clock.monotonic()
        members = [Member(decode(Report, data), round((now - at) * 1000)) for at, data in self._seen.values()]
        return sorted((one for one in members if one.silent_ms < streams.FLEET_TTL_MS), key=by_service)


class MemoryDeadLetters:
    """Implements `ports.DeadLetters` on a MemoryBus, where every service is one shard."""

    def __init__(self, bus: MemoryBus, clock: Clock) -> None:
        """Tell ages by `clock`, the bus's own."""
        self._bus = bus
        self._clock = clock

    async def counts(self) -> dict[str, int]:
        """See `ports.DeadLetters`."""
        return dict(Counter(letter.service for letter in self._bus.dead_letters))

    async def latest(self, limit: int) -> list[DeadLetter]:
        """See `ports.DeadLetters`."""
        now = self._clock.monotonic()
        return [
            DeadLetter(
                shard=letter.service,
                operation=letter.envelope.operation,
                reason=letter.reason,
                age_ms=round((now - letter.at) * 1000),
                deliveries=1,
                trace=letter.envelope.trace,
            )
            for letter in list(reversed(self._bus.dead_letters))[:limit]
        ]
