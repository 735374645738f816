"""`Sightings` inside one process: the twin of `shared.bus.sightings`, by the clock that it is given."""

from __future__ import annotations

from dataclasses import dataclass

from shared.bus import streams
from shared.clock import Clock
from shared.contracts.sightings import Glance, Sighting


@dataclass(slots=True)
class _Seen:
    """What is known of one item; times are monotonic milliseconds."""

    ends: float
    sighting: Sighting | None = None
    at: float = 0.0
    due: float = 0.0
    pause: float = 0.0
    turn: float = 0.0


class MemorySightings:
    """Implements `shared.contracts.sightings.Sightings`."""

    def __init__(self, clock: Clock) -> None:
        """Have seen nothing yet."""
        self._clock = clock
        self._seen: dict[bytes, _Seen] = {}

    async def glance(self, target: bytes, *, known: bytes = b"", take_turn: bool = True) -> Glance:
        """See `Sightings`."""
        now, seen = self._now(), self._alive(target)
        mine = take_turn and (seen is None or now >= max(seen.due, seen.turn))
        if mine:
            seen = self._seen.setdefault(target, _Seen(now + streams.SIGHTING_TURN_MS))
            seen.turn = now + streams.SIGHTING_TURN_MS
        if seen is None or seen.sighting is None:
            return Glance(b"", None, 0, mine)
        copy = None if seen.sighting.tag == known else seen.sighting.copy
        return Glance(seen.sighting.tag, copy, int(now - seen.at), mine)

    async def saw(self, target: bytes, sighting: Sighting) -> None:
        """See `Sightings`."""
        seen = self._alive(target) or self._seen.setdefault(target, _Seen(0.0))
        same = seen.sighting is not None and seen.sighting.tag == sighting.tag
        slower = min(streams.SIGHTING_LATEST_MS, seen.pause * streams.SIGHTING_SLOWER)
        self._keep(seen, sighting, slower if same else streams.SIGHTING_SOONEST_MS)
        seen.turn = 0.0

    async def wrote(self, target: bytes, sighting: Sighting) -> None:
        """See `Sightings`."""
        seen = self._alive(target)
        if seen is not None:
            self._keep(seen, sighting, streams.SIGHTING_SOONEST_MS)

    async def put_off(self, target: bytes) -> None:
        """See `Sightings`."""
        seen = self._alive(target)
        if seen is not None:
            seen.turn = self._now() + streams.SIGHTING_SOONEST_MS

    def _keep(self, seen: _Seen, sighting: Sighting, pause: float) -> None:
        now = self._now()
        if seen.sighting is not None and sighting.seq < seen.sighting.seq:
            seen.due = now + streams.SIGHTING_SOONEST_MS
            return
        seen.sighting, seen.at, seen.pause, seen.due = sighting, now, pause, now + pause
        seen.ends = now + streams.SIGHTING_TTL_MS

    def _alive(self, target: bytes) -> _Seen | None:
        """What is known of an item; what nobody has seen for long is forgotten, all of it."""
        now = self._now()
        for ended in [one for one, seen in self._seen.items() if seen.ends <= now]:
            del self._seen[ended]
        return self._seen.get(target)

    def _now(self) -> float:
        return self._clock.monotonic() * 1000
