"""A sender stops keeping what everybody has received.

Whoever reads or writes a record sees how far the other members have received its own list. When that has moved, the
list is walked in the background, from its head to older messages, and the leases of those that were received end. The
copies under lease are all that the walk reads, so that it costs the DHT nothing; it ends at the first message that has
no lease, so that it costs little when nothing is new.

To end a lease too late wastes room, to end it too early loses a message: whatever is in doubt leaves it alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from shared.contracts import crypto, dht
from shared.contracts.operation import CallContext
from shared.errors import ScoutError
from shared.logs import trace_id
from shared.usecases.formats.ports import Mailbox
from shared.usecases.mailboxes import own_mailbox
from shared.usecases.ports import Ports
from shared.usecases.receipts import of_all
from shared.usecases.records import Place, Record

Notice = Callable[[Place, Record, CallContext], None]
"""Told of the record that a caller's read or write has found."""

WALK_S = 10.0
"""Deadline of one walk."""

FINISH_S = 2.0
"""How long walks may still go on when their owner ends: those of a command that ends at once, too."""

MAX_WALKS = 32
"""At the same time; more are left to a later read or write."""

MAX_STEPS = 2048
"""Messages that one walk looks at."""

MAX_REMEMBERED = 4096
"""Lists whose last walk is remembered."""

_Key = tuple[str, bytes, int]
"""A list: tenant, record, member."""

log = logging.getLogger(__name__)


class Releaser:
    """Walks senders' lists in the background. An async context manager: it owns the walks that are under way."""

    def __init__(self, ports: Ports) -> None:
        """Release through `ports`."""
        self._ports = ports
        self._tasks = asyncio.TaskGroup()
        self._walking = 0
        self._released: OrderedDict[_Key, int] = OrderedDict()
        """The number up to which a list has been walked for."""

    async def __aenter__(self) -> Self:
        """Start."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Give the walks under way a moment to finish; the others' leases run out by themselves."""
        try:
            async with asyncio.timeout(FINISH_S):
                await self._tasks.__aexit__(None, None, None)
        except TimeoutError:
            log.info("some leases of received messages are left to run out")

    def notice(self, place: Place, record: Record, context: CallContext) -> None:
        """Release what all others have received of the caller's list, in the background, if that is news."""
        box = own_mailbox(place, record.entries)
        # an older record may lack a member who has come since, and has received nothing
        if box.head is None or not box.number or record.rollback_suspected:
            return
        number = min(of_all(place.format, record.entries, place.member), box.number)
        key = (context.tenant, place.target, place.member)
        if number <= self._released.get(key, 0) or self._walking >= MAX_WALKS:
            return
        self._remember(key, number)
        self._walking += 1
        self._tasks.create_task(self._walk(key, _Walk(place, box, number, context)), name="release")

    async def _walk(self, key: _Key, walk: _Walk) -> None:
        """One walk; what fails leaves the list to the next."""
        trace_id.set(walk.context.trace)
        try:
            await _release(self._ports, walk)
        except ScoutError as error:
            log.info("received messages could not be released", extra={"reason": error.detail})
            self._released.pop(key, None)
        except Exception:
            log.exception("received messages could not be released")
            self._released.pop(key, None)
        finally:
            self._walking -= 1

    def _remember(self, key: _Key, number: int) -> None:
        self._released[key] = number
        self._released.move_to_end(key)
        while len(self._released) > MAX_REMEMBERED:
            self._released.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One sender's list, and how far all others have received it."""

    place: Place
    box: Mailbox
    number: int
    context: CallContext


async def _release(ports: Ports, walk: _Walk) -> None:
    """End the leases of what was received, the oldest first: a walk cut short leaves a list that can be walked again.

    Raises ScoutError.
    """
    context = CallContext(
        deadline_ms=ports.clock.utc_ms() + round(1000 * WALK_S), tenant=walk.context.tenant, trace=walk.context.trace
    )
    for target in reversed(await _received(ports, walk, context)):
        await ports.dht.release(dht.Release(target=target), context)


async def _received(ports: Ports, walk: _Walk, context: CallContext) -> list[bytes]:
    """Addresses of the received messages under lease, newest first. Raises ScoutError."""
    found: list[bytes] = []
    target, number = walk.box.head, walk.box.number or 0
    for _ in range(MAX_STEPS):
        if not target:
            break
        kept = await ports.dht.release(dht.Release(target=target, end=False), context)
        if kept.value is None:
            break
        request = crypto.OpenMessages(link=walk.place.link, values=[kept.value])
        (message,) = (await ports.crypto.open_messages(request, context)).messages
        if (message.error, message.member, message.number) != (None, walk.place.member, number):
            break
        if number <= walk.number:
            found.append(target)
        target, number = message.next, number - 1
    return found
