"""Which head of a message list goes on, where versions of its record say several.

Most of it can be told from the versions alone (`races`). Where a later head is on a few nodes only, and another on
enough to have been promised, the messages themselves say whether the later one was put in front of the promised one.
Where they do not say it in time, the later one goes on: on a net that loses much, few nodes are all that a write got.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.contracts.operation import CallContext
from shared.usecases.formats.ports import Entry
from shared.usecases.mailboxes import fetch
from shared.usecases.ports import Ports
from shared.usecases.races import Contest, Held, contested, decided
from shared.usecases.records import Place

MAX_STEPS = 64
"""Messages between two heads that are looked at, at the most."""

SHARE = 0.3
"""Of the time left to a run, that the look at one list may take."""

UNCOUNTED_STEPS = 4
"""The same where a list's messages have no numbers."""


@dataclass(slots=True)
class Ancestry:
    """What is known of which message stands behind which; it grows as it is asked."""

    ports: Ports
    place: Place
    context: CallContext
    older: dict[bytes, bytes | None] = field(default_factory=dict)
    """Address of a message -> of the next older one, None at the end of its list."""

    async def heads(self, versions: Sequence[Held], enough: int, before: Mapping[int, bytes]) -> dict[int, bytes]:
        """The heads that go on: id of the list's entry -> head. Raises ScoutError.

        What was decided `before` stands where nothing speaks against it.
        """
        heads = decided(self.place.format, versions, enough, before)
        for contest in contested(self.place.format, versions, enough):
            heads[contest.id] = await self._decide(contest)
        return heads

    async def next_of(self, target: bytes) -> bytes | None:
        """Where a list goes on behind a message; None at its end, or where it can't be followed. Raises ScoutError."""
        if target not in self.older:
            fetched = await fetch(self.ports, self.place, target, self.context)
            if fetched is None:
                return None
            self.older[target] = fetched.next or None
        return self.older[target]

    async def _decide(self, contest: Contest) -> bytes:
        now_ms = self.ports.clock.utc_ms()
        until_ms = now_ms + round(SHARE * (self.context.deadline_ms - now_ms))
        for later in contest.later:
            if await self._leads_to(later, contest.promised, until_ms):
                return self.place.format.race(later).head
        return self.place.format.race(contest.promised).head

    async def _leads_to(self, later: Entry, promised: Entry, until_ms: int) -> bool:
        """Whether the later head was put in front of the promised one, or it can't be seen that it was not."""
        front, behind = self.place.format.mailbox(later), self.place.format.mailbox(promised)
        if front is None or front.head is None:
            return False
        if behind is None or behind.head is None:
            return True
        between, target = UNCOUNTED_STEPS, front.head
        if front.number is not None and behind.number is not None:
            between = front.number - behind.number
        for _ in range(min(between, MAX_STEPS)):
            if self.ports.clock.utc_ms() > until_ms:
                return True
            older = await self.next_of(target)
            if older == behind.head or target not in self.older:
                return True
            if older is None:
                return False
            target = older
        return between > MAX_STEPS
