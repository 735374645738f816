"""`Idempotency-Key`: a write that is made again, because its answer was lost, gets that answer and does nothing.

The answer is kept in the bus's memory, sealed: it holds plaintexts. It belongs to the tenant, the route and the whole
request, and only a success is kept; after an error the same request may be tried again. A write that was cut off
(a deadline, a killed process) may have happened: then the second attempt does it again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from services.api.service import CALLER, DEADLINE_MS, Service, service_of
from shared.bus import streams
from shared.errors import ErrorCode, ScoutError

HEADER = "Idempotency-Key"
WRITES = frozenset({"POST", "PUT", "DELETE"})
"""Methods that take it."""
KEPT_S = 24 * 3600.0
"""A day: longer than any client goes on trying."""
GRACE_S = 5.0
"""Beyond its deadline a request is surely over, also when its process was killed: then the key is free again."""
POLL_S = 0.1
RETRY_AFTER = 1.0

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PERSON = b"scout.idempotent"


class _Remembered(msgspec.Struct, frozen=True):
    """A request that had this key, and its answer; None while it is being worked on."""

    request: bytes
    status: int | None = None
    headers: dict[str, str] = {}
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One key's place in the bus's memory."""

    service: Service
    name: str
    box: SecretBox
    request: bytes
    """Hash of the request that came with it now."""

    async def claim(self, seconds: float) -> bool:
        """Take the key for this request; False when it is taken."""
        return await self._keep(_Remembered(self.request), seconds, only_if_absent=True)

    async def keep(self, response: web.Response, body: bytes) -> None:
        """Remember the answer."""
        headers = {name: response.headers[name] for name in ("ETag", "Content-Type") if name in response.headers}
        await self._keep(_Remembered(self.request, response.status, headers, body), KEPT_S, only_if_absent=False)

    async def recall(self) -> _Remembered | None:
        """What was kept. Raises ScoutError (`idempotency_key_reused`) when it belongs to another request."""
        sealed = await self.service.stores.memory.get(self.name)
        if sealed is None:
            return None
        try:
            remembered = msgspec.msgpack.decode(self.box.decrypt(sealed), type=_Remembered)
        except (CryptoError, ValueError):
            # another bus key's: as unknown as if it had expired, and not ours to overwrite
            remembered = _Remembered(b"")
        if remembered.request != self.request:
            raise ScoutError(
                ErrorCode.IDEMPOTENCY_KEY_REUSED, f"Expected a new {HEADER}: this one came with another request."
            )
        return remembered

    async def forget(self) -> None:
        """Free the key."""
        await self.service.stores.memory.delete(self.name)

    async def _keep(self, remembered: _Remembered, seconds: float, *, only_if_absent: bool) -> bool:
        nonce = self.service.entropy(SecretBox.NONCE_SIZE)
        sealed = bytes(self.box.encrypt(msgspec.msgpack.encode(remembered), nonce))
        return await self.service.stores.memory.set(self.name, sealed, seconds, only_if_absent=only_if_absent)


@web.middleware
async def remembered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a write that was made before with what it was answered then."""
    key = request.headers.get(HEADER)
    if key is None or request.method not in WRITES or request.match_info.http_exception is not None:
        return await handler(request)
    if not _KEY.fullmatch(key):
        raise ScoutError(ErrorCode.INVALID_REQUEST, f"Expected in {HEADER} 1 to 255 visible ASCII characters.")
    entry = _entry(request, key, await request.read())
    service = entry.service
    while not await entry.claim(service.limits.deadline_ms / 1000 + GRACE_S):
        kept = await entry.recall()
        if kept is not None and kept.status is not None:
            return web.Response(status=kept.status, headers=kept.headers, body=kept.body)
        await _wait(request, service)
    return await _perform(request, handler, entry)


async def _perform(request: web.Request, handler: Handler, entry: _Entry) -> web.StreamResponse:
    response = None
    try:
        response = await handler(request)
    finally:
        if response is None:
            await entry.forget()
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        await entry.keep(response, response.body)
    return response


async def _wait(request: web.Request, service: Service) -> None:
    """Wait a moment for the other one with this key. Raises ScoutError when there is no time left."""
    if request[DEADLINE_MS] - service.clock.utc_ms() <= 2 * POLL_S * 1000:
        raise ScoutError(
            ErrorCode.IDEMPOTENCY_KEY_REUSED,
            f"A request with this {HEADER} is being worked on right now.",
            retry_after=RETRY_AFTER,
        )
    await service.ports.pause(POLL_S)


def _entry(request: web.Request, key: str, body: bytes) -> _Entry:
    service = service_of(request)
    secret = hashlib.blake2b(key=service.memory_key.reveal(), person=_PERSON, digest_size=SecretBox.KEY_SIZE).digest()
    # hashed with a key: a body of few possible contents could be guessed from a plain hash of it
    parts = [
        request.method,
        request.path_qs,
        request.headers.get("Scout-Link", ""),
        request.headers.get("If-Match", ""),
    ]
    hashed = hashlib.blake2b(body, key=secret, digest_size=32)
    for part in parts:
        hashed.update(b"\0" + part.encode(errors="surrogateescape"))
    name = hashlib.blake2b(key.encode(), key=secret, digest_size=16).hexdigest()
    return _Entry(service, streams.idempotency(request[CALLER].tenant, name), SecretBox(secret), hashed.digest())
