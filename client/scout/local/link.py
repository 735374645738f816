"""A link whose keys stay here. The same interface as `scout.Link`, and the same answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from dataclasses import dataclass, replace

import scout.answers as said
from scout.errors import ScoutApiError
from scout.local import answers
from scout.synchronise import EntryUpdated, Finalize, synchronise
from scout.transport import RetryPolicy, Surroundings
from scout.watching import Event
from shared.clock import Clock
from shared.contracts.operation import CallContext
from shared.errors import ScoutError
from shared.links.ports import Link
from shared.usecases import devices, inbox, messages, receipts, records
from shared.usecases.changes import Change, Edit
from shared.usecases.formats.ports import Wanted
from shared.usecases.inbox import Query
from shared.usecases.keeping import DEFAULT_KEEP_S
from shared.usecases.looking import Looked
from shared.usecases.messages import Outgoing
from shared.usecases.ports import Dht, Ports
from shared.usecases.records import Place
from shared.usecases.releasing import Releaser
from shared.usecases.synchronise import Synced, Synchroniser
from shared.usecases.watching import watch

NO_STATUS = 0
"""Of errors that no HTTP answer brought."""


@dataclass(frozen=True, slots=True)
class Workings:
    """What a link of one's own works with."""

    ports: Ports
    """Whose crypto holds the link's keys."""
    synchroniser: Synchroniser
    releaser: Releaser
    eyes: Callable[[], AbstractAsyncContextManager[Dht]]
    """The DHT for one watcher."""


class LocalLink:
    """One link. All calls raise `ScoutApiError` (with status 0 when no service said it) or `Unreachable`."""

    def __init__(self, workings: Workings, *, keys: Link, timeout: float, surroundings: Surroundings) -> None:
        """Work with `workings`, which are those of the link of these `keys`; `timeout` in seconds bounds each call."""
        self._ports = workings.ports
        self._synchroniser = workings.synchroniser
        self._releaser = workings.releaser
        self._eyes = workings.eyes
        self._timeout = timeout
        self._surroundings = surroundings
        self._retry = RetryPolicy()
        self._format = keys.format
        self._member = keys.member

    def __repr__(self) -> str:
        """No secrets."""
        return f"LocalLink(format={self._format}, member={self._member})"

    @property
    def format(self) -> str:
        """The format of its record."""
        return self._format

    @property
    def member(self) -> int:
        """Which of its members the caller is."""
        return self._member

    async def devices(self) -> list[said.Device]:
        """The devices in the record, settled: every node that answered was heard."""
        found = await self._read()
        return [answers.device(device) for device in devices.listed(found.entries)]

    async def announce(
        self,
        device_id: int,
        addresses: Iterable[str] = (),
        *,
        name: str = "",
        data: bytes = b"",
        ttl: int | None = None,
        keep: int | None = None,
    ) -> said.Written:
        """Say where a device (an id below 2^31) is; see `scout.Link.announce`."""
        with as_client_errors():
            return await self._write(devices.announcement(device_id, list(addresses), name, data, ttl), keep)

    async def remove_device(self, device_id: int) -> said.Written:
        """Take a device out of the record."""
        with as_client_errors():
            return await self._write(devices.removal(device_id), keep=0)

    async def record(self, read: str = "settled") -> said.Record:
        """The record's entries as they are; `read` is `settled`, `first` or `cached`, which here is as `first`."""
        return answers.record(await self._read(settle=read == "settled"))

    async def sync(
        self,
        entries: Mapping[int, bytes] | None = None,
        *,
        remove: Iterable[int] = (),
        if_match: str = "",
        ttl: int | None = None,
        keep: int | None = None,
    ) -> said.Written:
        """Read, merge `entries` and take out the ids in `remove`, write; see `scout.Link.sync`."""
        wanted = tuple(Wanted(entry_id, content, ttl=ttl) for entry_id, content in (entries or {}).items())
        tags = frozenset({if_match.strip('"')}) if if_match else None
        with as_client_errors():
            return await self._write(Edit(wanted, frozenset(remove)), keep, tags)

    async def synchronize(
        self,
        entries: Mapping[int, bytes] | Iterable[said.Entry],
        *,
        entry_updated: EntryUpdated | None = None,
        finalize: Finalize | None = None,
    ) -> list[said.Entry]:
        """The original's operation: read, report what is new, let `finalize` change it, write."""
        return await synchronise(self, self._pause, entries, entry_updated=entry_updated, finalize=finalize)

    async def send(self, body: bytes, *, seal: bool = True, keep: int | None = None) -> said.Sent:
        """Leave a message for the other members."""
        with as_client_errors():
            place, context = await self._place()
            message = Outgoing(body, seal=seal, keep=_kept_for(keep))
            return answers.sent(await messages.send(self._ports, self._synchroniser, place, message, context))

    async def messages(
        self, after: int | None = None, *, limit: int | None = None, cursor: str | None = None
    ) -> said.Inbox:
        """The other members' messages with a number above `after`, oldest first; see `scout.Link.messages`."""
        with as_client_errors():
            position = None if cursor is None else inbox.position_of(cursor)
            place, context = await self._place()
            found = await records.read_at(self._ports, place, context)
            self._releaser.notice(place, found, context)
            query = Query(after or 0, limit or inbox.MAX_LIMIT, position=position)
            read = await inbox.read(self._ports, place, found.entries, query, context)
            return answers.received(read, receipts.of_mine(place, found.entries))

    async def acknowledge(self, received: Mapping[int, int], *, keep: int | None = None) -> said.Written:
        """Say how far the others' messages have been received (member -> number)."""
        with as_client_errors():
            place, context = await self._place()
            change = receipts.acknowledgement(place, received)
            return answers.written(await self._synchronise(place, change, context, keep), (), removal=False)

    async def watch(self, after: str | None = None) -> AsyncGenerator[Event, None]:
        """Changes of the record and new messages, as they come; see `scout.Link.watch`."""
        with as_client_errors():
            async with self._eyes() as dht:
                ports = replace(self._ports, dht=dht)
                watching = watch(ports, "", lambda: context_for(ports.clock, self._timeout), after)
                async with aclosing(watching.events()) as events:
                    async for event in events:
                        if not isinstance(event, Looked):
                            yield answers.event(event)

    async def _read(self, *, settle: bool = True) -> records.Record:
        with as_client_errors():
            place, context = await self._place()
            return await records.read_at(self._ports, place, context, settle=settle)

    async def _write(self, edit: Edit, keep: int | None, tags: frozenset[str] | None = None) -> said.Written:
        place, context = await self._place()
        change = edit if edit.wanted or edit.removed else None
        synced = await self._synchronise(place, change, context, keep, tags)
        return answers.written(synced, edit.news(synced.record.entries), removal=bool(edit.removed))

    async def _synchronise(
        self,
        place: Place,
        change: Change | None,
        context: CallContext,
        keep: int | None,
        tags: frozenset[str] | None = None,
    ) -> Synced:
        return await self._synchroniser.synchronise(place, change, context, tags, _kept_for(keep))

    async def _place(self) -> tuple[Place, CallContext]:
        context = context_for(self._ports.clock, self._timeout)
        return await records.locate(self._ports, "", context), context

    async def _pause(self, attempt: int) -> None:
        dice = int.from_bytes(self._surroundings.entropy(4), "big") / 2**32
        await self._surroundings.sleep(self._retry.delay(attempt, dice, None))


@contextmanager
def as_client_errors() -> Iterator[None]:
    """The use cases' errors as the SDK's."""
    try:
        yield
    except ScoutError as error:
        raise ScoutApiError(
            error.code.value,
            error.detail,
            status=NO_STATUS,
            facts=dict(error.facts),
            retry_after=error.retry_after,
        ) from None


def context_for(clock: Clock, seconds: float) -> CallContext:
    """Of a call that may take so many seconds."""
    return CallContext(deadline_ms=clock.utc_ms() + round(1000 * seconds))


def _kept_for(keep: int | None) -> int:
    return DEFAULT_KEEP_S if keep is None else keep
