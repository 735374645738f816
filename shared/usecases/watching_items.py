"""Watch a signed item for its owners: every set of versions that is another than the last. No key is needed here."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.usecases import mutable
from shared.usecases.looking import Looked, again_and_again
from shared.usecases.mutable import Address
from shared.usecases.ports import Ports
from shared.usecases.sighting import sighting_of

ID = "[0-9a-f]{24}"
"""An event's id as a pattern: it names exactly the versions that were seen."""


@dataclass(frozen=True, slots=True)
class VersionsSeen:
    """The versions as nodes hold them now."""

    id: str
    reply: dht.GetMutableReply


@dataclass(slots=True)
class ItemWatch:
    """One watcher of one item."""

    ports: Ports
    at: Address
    context: Callable[[], CallContext]
    """Of the calls of one step, with a deadline of its own."""
    seen: str | None = None
    """The id of what was shown last."""

    def events(self) -> AsyncGenerator[VersionsSeen | Looked, None]:
        """The versions as they are, and again whenever they change; after each look a `Looked`. Raises ScoutError."""
        return again_and_again(self.ports, self._look)

    async def _look(self) -> AsyncGenerator[VersionsSeen, None]:
        reply = await mutable.get(self.ports.dht, self.at, self.context())
        tag = sighting_of(reply).tag.hex()
        if tag != self.seen:
            self.seen = tag
            yield VersionsSeen(tag, reply)


def watch_item(ports: Ports, at: Address, context: Callable[[], CallContext], after: str | None) -> ItemWatch:
    """A watcher of the item at `at` that knows what the event with the id `after` showed; None: nothing yet.

    Raises ScoutError (`invalid_request`) for what is no event's id, and for a salt that is too long.
    """
    mutable.check_salt(at)
    if after is not None and not re.fullmatch(ID, after):
        raise ScoutError(ErrorCode.INVALID_REQUEST, "Expected the id of an event as an earlier stream gave it.")
    return ItemWatch(ports, at, context, after)
