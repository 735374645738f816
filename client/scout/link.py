"""What two people, or one person's devices, share: a record of where they are, and messages for who is away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping

from scout.answers import CreatedLink, Device, Devices, Entry, Inbox, Record, Sent, Written
from scout.event_source import EventSource
from scout.synchronise import EntryUpdated, Finalize, synchronise
from scout.transport import Call, Transport, decode_answer
from scout.watching import Event, told
from shared.json_bytes import Blob


class Link:
    """One shared secret, by its handle. All calls raise `ScoutApiError` or `Unreachable`."""

    def __init__(self, transport: Transport, created: CreatedLink) -> None:
        """Use the link that the service `created`, over `transport`."""
        self._transport = transport
        self._created = created
        self._headers = {"Scout-Link": created.link}

    def __repr__(self) -> str:
        """Everything but the handle."""
        return f"Link(format={self.format}, member={self.member})"

    @property
    def handle(self) -> str:
        """What to keep in order to use this link again (`Client.link`); as secret as the shared secret itself."""
        return self._created.link

    @property
    def format(self) -> str:
        """The format of its record."""
        return self._created.format

    @property
    def member(self) -> int:
        """Which of its members the caller is."""
        return self._created.member

    async def devices(self) -> list[Device]:
        """The devices in the record, settled: every node that answered was heard."""
        return (await self._transport.fetch(self._get("/v1/devices"), Devices)).devices

    async def announce(
        self,
        device_id: int,
        addresses: Iterable[str] = (),
        *,
        name: str = "",
        data: bytes = b"",
        ttl: int | None = None,
        keep: int | None = None,
    ) -> Written:
        """Say where a device (an id below 2^31) is: `host:port` addresses, a name, and bytes of the application's.

        As with every write, the record is kept alive for `keep` seconds, at most 30 days; None: 24 hours. The device
        counts for `ttl` seconds; None: as long as it is kept, a day at the least. scout1 has no ttl. So with
        `keep=7 * 86400` it is found on each of seven days, though nobody writes and no process holds the secret.
        """
        body: dict[str, object] = {"addresses": list(addresses)} | keeping(keep, ttl)
        if name:
            body["name"] = name
        if data:
            body["data"] = Blob(data)
        call = Call("PUT", f"/v1/devices/{device_id}", body, headers=self._headers)
        return await self._transport.fetch(call, Written)

    async def remove_device(self, device_id: int) -> Written:
        """Take a device out of the record; with scout1 another peer's older copy may bring it back."""
        call = Call("DELETE", f"/v1/devices/{device_id}", headers=self._headers)
        return await self._transport.fetch(call, Written)

    async def record(self, read: str = "settled") -> Record:
        """The record's entries as they are.

        `read` is `settled` (every node that answered was heard), `first` (the first version that came), or `cached`
        (what anybody at the service saw within the last minute).
        """
        answer = await self._transport.perform(self._get("/v1/record", {"read": read}))
        return decode_answer(answer, Record).with_etag(answer.etag)

    async def sync(
        self,
        entries: Mapping[int, bytes] | None = None,
        *,
        remove: Iterable[int] = (),
        if_match: str = "",
        ttl: int | None = None,
        keep: int | None = None,
    ) -> Written:
        """Read, merge `entries` (id -> content) and take out the ids in `remove`, write, keep alive for `keep` seconds.

        The entries count for `ttl` seconds; None: as long as they are kept, a day at the least. scout1 has no ttl.
        With `if_match` (a record's etag) only that very state is written over: ScoutApiError `precondition_failed`.
        """
        lasting = keeping(None, ttl)
        body = {
            "entries": [{"id": id_, "value": Blob(content)} | lasting for id_, content in (entries or {}).items()],
            "remove": list(remove),
        } | keeping(keep)
        headers = self._headers | {"Idempotency-Key": self._transport.random_id()}
        if if_match:
            headers["If-Match"] = if_match
        return await self._transport.fetch(Call("POST", "/v1/sync", body, headers=headers), Written)

    async def synchronize(
        self,
        entries: Mapping[int, bytes] | Iterable[Entry],
        *,
        entry_updated: EntryUpdated | None = None,
        finalize: Finalize | None = None,
    ) -> list[Entry]:
        """The original's operation: read, report each entry that is new to us, let `finalize` change them, write.

        Answers with the record as written. `scout.synchronise` has the story.
        """
        return await synchronise(self, self._transport.pause, entries, entry_updated=entry_updated, finalize=finalize)

    async def send(self, body: bytes, *, seal: bool = True, keep: int | None = None) -> Sent:
        """Leave a message for the other members; `seal=False` for one that runs the original, and anybody can read.

        The service keeps it, and the list that leads to it, alive for `keep` seconds.
        """
        headers = self._headers | {"Idempotency-Key": self._transport.random_id()}
        call = Call("POST", "/v1/messages", {"body": Blob(body), "seal": seal} | keeping(keep), headers=headers)
        return await self._transport.fetch(call, Sent)

    async def messages(self, after: int | None = None, *, limit: int | None = None, cursor: str | None = None) -> Inbox:
        """The other members' messages with a number above `after`, oldest first, at most `limit` of them.

        Messages without a number, of an original client's list, come along whatever `after` says.
        A `cursor` from an earlier answer's `more` reads on from there towards older ones.
        """
        asked = {"after": after, "limit": limit, "cursor": cursor}
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return await self._transport.fetch(self._get("/v1/messages", params), Inbox)

    async def acknowledge(self, received: Mapping[int, int], *, keep: int | None = None) -> Written:
        """Say how far the others' messages have been received (member -> number), so that they stop keeping them.

        ScoutApiError `invalid_request` in scout1, which has no room for it.
        """
        said = [{"member": member, "number": number} for member, number in received.items()]
        call = Call("POST", "/v1/messages/ack", {"received": said} | keeping(keep), headers=self._headers)
        return await self._transport.fetch(call, Written)

    def watch(self, after: str | None = None) -> AsyncGenerator[Event, None]:
        """Changes of the record and new messages, as they come: `async for event in link.watch(): …`.

        Begins with the record as it is, and messages that come from now on; with the `id` of an event of an earlier
        watch, of whichever client, it goes on behind that. A watch outlives restarts of the service and breaks of the
        network; what can't be reached at all, or is refused, raises as any call does.
        """
        return told(EventSource(self._transport, self._get("/v1/events"), after))

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Call:
        return Call("GET", path, params=params or {}, headers=self._headers)


def keeping(seconds: int | None, ttl: int | None = None) -> dict[str, object]:
    """The members of a write's body that say how long it is kept alive, and counts; none for the service's defaults."""
    said = {"keep": seconds, "ttl": ttl}
    return {name: value for name, value in said.items() if value is not None}
