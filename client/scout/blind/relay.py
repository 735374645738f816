"""A service's blind relay as the use cases' DHT. What comes back is believed no further than its signature and hash."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import msgspec

from scout.answers import Answered, StoringReport
from scout.errors import ClientError, ScoutApiError
from scout.transport import Call, Transport
from shared.contracts import dht
from shared.contracts.operation import CallContext
from shared.errors import ErrorCode, ScoutError
from shared.format import bep44
from shared.format.items import content_of
from shared.json_bytes import Blob, Hex, to_base64url
from shared.moments import moment
from shared.usecases.keeping import handed_over, with_ahead
from shared.usecases.mutable import is_signed

T = TypeVar("T")

_MS = 1000


class LookupReport(Answered, frozen=True, kw_only=True):
    """How a lookup went, in nodes."""

    asked: int = 0
    answered: int = 0
    timed_out: int = 0
    elapsed_ms: float = 0.0


class Version(Answered, frozen=True, kw_only=True):
    """A version of a mutable item."""

    v: Blob
    seq: int
    sig: Hex
    holders: int


class Versions(Answered, frozen=True, kw_only=True):
    """All that were found."""

    versions: list[Version]
    lookup: LookupReport | None = None
    rollback_suspected: bool = False


class Stored(Answered, frozen=True, kw_only=True):
    """What became of a put."""

    storing: StoringReport
    kept_until: datetime | None = None
    keep_error: str | None = None
    target: Hex = Hex()
    hash: Hex = Hex()


class Ahead(Answered, frozen=True, kw_only=True):
    """What became of versions for a time to come."""

    kept_until: datetime | None = None
    keep_error: str | None = None


class Item(Answered, frozen=True, kw_only=True):
    """An immutable item."""

    value: Blob


class Wish(Answered, frozen=True, kw_only=True):
    """What the caller's tenant asked to have kept."""

    kept_until: datetime | None = None
    value: Blob | None = None


class RelayDht:
    """The port `shared.usecases.ports.Dht` over HTTP."""

    def __init__(self, transport: Transport) -> None:
        """Make the calls through `transport`."""
        self._transport = transport

    async def get_mutable(self, request: dht.GetMutable, _context: CallContext) -> dht.GetMutableReply:
        """Find the versions of a mutable item; one that its key has not signed is none."""
        call = item_call(request, read="settled" if request.settle else "first")
        return found_by(request, await _asked(self._transport.fetch(call, Versions)))

    async def put_mutable(self, request: dht.PutMutable, context: CallContext) -> dht.PutReply:
        """Store a signed version, conditionally when `request.seen` is given."""
        body: dict[str, object] = {
            "v": Blob(request.value),
            "seq": request.seq,
            "sig": Hex(request.signature),
            "keep": request.keep,
        }
        if request.seen is not None:
            body["seen"] = [Hex(signature) for signature in request.seen]
        target = bep44.mutable_target(request.public_key, request.salt)
        call = Call("PUT", f"/v1/mutable/{request.public_key.hex()}", body, params=_salted(request.salt))
        try:
            reply = _put(target, await self._transport.fetch(call, Stored))
        except ScoutApiError as error:
            if error.code != ErrorCode.CONFLICT:
                raise _as_use_case_error(error) from None
            return _conflict(target)
        return with_ahead(reply, await handed_over(self, request.ahead, context))

    async def get_immutable(self, request: dht.GetImmutable, _context: CallContext) -> dht.GetImmutableReply:
        """Find an immutable item; one that has another hash is none."""
        try:
            found = await self._transport.fetch(Call("GET", f"/v1/items/{request.target.hex()}"), Item)
        except ScoutApiError as error:
            if error.code != ErrorCode.NOT_FOUND:
                raise _as_use_case_error(error) from None
            return dht.GetImmutableReply(value=None, report=_lookup(None))
        value = bep44.bencode_string(bytes(found.value))
        honest = bep44.immutable_target(value) == request.target
        return dht.GetImmutableReply(value=value if honest else None, report=_lookup(None))

    async def put_immutable(self, request: dht.PutImmutable, _context: CallContext) -> dht.PutReply:
        """Store an immutable item."""
        body = {"value": Blob(content_of(request.value)), "keep": request.keep}
        stored = await _asked(self._transport.fetch(Call("POST", "/v1/items", body), Stored))
        return _put(bep44.immutable_target(request.value), stored)

    async def keep(self, request: dht.Keep, _context: CallContext) -> dht.KeepReply:
        """Hand over versions for a time to come."""
        versions = [_ahead(version) for version in request.versions]
        said = await _asked(self._transport.fetch(Call("POST", "/v1/ahead", {"versions": versions}), Ahead))
        return dht.KeepReply(kept_until_ms=_unix_ms(said.kept_until), keep_refused=said.keep_error or "")

    async def release(self, request: dht.Release, _context: CallContext) -> dht.ReleaseReply:
        """End the wish to have an item kept alive, or say that there is one. Raises ScoutError for any failure."""
        call = Call("DELETE" if request.end else "GET", f"/v1/items/{request.target.hex()}/keep")
        try:
            found = await self._transport.fetch(call, Wish)
        except ClientError as error:  # nobody waits for it, and all that can be done is to try another time
            raise ScoutError(ErrorCode.DHT_UNAVAILABLE, str(error)) from None
        value = None if found.value is None else bep44.bencode_string(bytes(found.value))
        return dht.ReleaseReply(value=value, until_ms=_unix_ms(found.kept_until))


def item_call(request: dht.GetMutable, below: str = "", **params: str) -> Call:
    """The call that asks a relay for an item, or for what is `below` it."""
    return Call("GET", f"/v1/mutable/{request.public_key.hex()}{below}", params=_salted(request.salt) | params)


def found_by(request: dht.GetMutable, said: Versions) -> dht.GetMutableReply:
    """What a relay says of an item; a version that its key has not signed is none."""
    versions = [
        dht.MutableVersion(value=bytes(one.v), seq=one.seq, signature=bytes(one.sig), holders=one.holders)
        for one in said.versions
    ]
    signed = [version for version in versions if is_signed(request, version)]
    return dht.GetMutableReply(versions=signed, report=_lookup(said.lookup), rollback_suspected=said.rollback_suspected)


async def _asked(call: Awaitable[T]) -> T:
    try:
        return await call
    except ScoutApiError as error:
        raise _as_use_case_error(error) from None


def _as_use_case_error(error: ScoutApiError) -> ScoutError | ScoutApiError:
    """What the service refused, as the use cases know it; what only HTTP knows stays as it is."""
    if error.code not in set(ErrorCode):
        return error
    return ScoutError(ErrorCode(error.code), error.detail, facts=error.facts, retry_after=error.retry_after)


def _ahead(version: dht.KeptVersion) -> dict[str, object]:
    return {
        "public_key": Hex(version.public_key),
        "salt": Blob(version.salt),
        "v": Blob(version.value),
        "seq": version.seq,
        "sig": Hex(version.signature),
        "start": moment(version.from_ms),
        "end": moment(version.until_ms) if version.until_ms else None,
    }


def _put(target: bytes, stored: Stored) -> dht.PutReply:
    storing = msgspec.structs.asdict(stored.storing)
    storing["rejected"] = {int(code): count for code, count in stored.storing.rejected.items()}
    return dht.PutReply(
        target=target,
        conflict=False,
        storing=dht.StoringReport(**storing),
        lookup=_lookup(None),
        kept_until_ms=_unix_ms(stored.kept_until),
        keep_refused=stored.keep_error or "",
    )


def _conflict(target: bytes) -> dht.PutReply:
    """A put that others were in the way of; how many, the service does not say."""
    nobody = dht.StoringReport(
        asked=1, answered=1, stored=0, rejected={}, timed_out=0, prefixes=0, closest_distance=0, elapsed_ms=0.0
    )
    return dht.PutReply(target=target, conflict=True, storing=nobody, lookup=_lookup(None))


def _lookup(report: LookupReport | None) -> dht.LookupReport:
    report = report or LookupReport()
    return dht.LookupReport(
        asked=report.asked, answered=report.answered, timed_out=report.timed_out, elapsed_ms=report.elapsed_ms
    )


def _salted(salt: bytes) -> dict[str, str]:
    return {"salt": to_base64url(salt)} if salt else {}


def _unix_ms(until: datetime | None) -> int:
    return 0 if until is None else round(until.timestamp() * _MS)
