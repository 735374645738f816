"""The way in: a `Client` for one service, and the calls that need no link."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp

from scout.answers import CreatedLink, DhtNearest, DhtPing, DhtStatus, FoundItem, Key, Rewrapped, StoredItem
from scout.link import Link, keeping
from scout.transport import Call, RetryPolicy, Surroundings, Transport
from shared.json_bytes import Blob, Hex

DEFAULT_TIMEOUT = 30.0
"""Seconds for a call with all its attempts: longer than any deadline of the service."""

DEFAULT_FORMAT = "scout2"

_VISIBLE = re.compile(r"[\x21-\x7e]+")


class Client:
    """A connection to a Scout service; use it as `async with scout.Client(url) as client`.

    All calls raise `ScoutApiError` (the service said no) or `Unreachable` (no answer came).
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Speak to the service at `url`; `timeout` in seconds bounds each call with all its attempts.

        ValueError for an `api_key` that no header could carry; it is not quoted.
        """
        if api_key is not None and not _VISIBLE.fullmatch(api_key):
            raise ValueError("expected an API key of visible ASCII characters")
        self._url = url
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key is not None else {}
        self._timeout = timeout
        self._retry = retry or RetryPolicy()
        self._surroundings = surroundings or Surroundings()
        self._session: aiohttp.ClientSession | None = None
        self._transport: Transport | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool; nothing is sent yet."""
        self._session = aiohttp.ClientSession(headers=self._headers)
        self._transport = Transport(
            self._session,
            self._url,
            timeout=self._timeout,
            retry=self._retry,
            surroundings=self._surroundings,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        session, self._session, self._transport = self._session, None, None
        if session is not None:
            await session.close()

    @property
    def transport(self) -> Transport:
        """What makes the calls; RuntimeError outside `async with`."""
        if self._transport is None:
            raise RuntimeError("expected `async with scout.Client(…) as client`, got a client that is not open")
        return self._transport

    async def create_key(self) -> Key:
        """Have the service make an X25519 secret; what comes back is its handle and its public key."""
        return await self.transport.fetch(Call("POST", "/v1/keys", {}), Key)

    async def import_key(self, secret: bytes) -> Key:
        """Hand over an X25519 secret of one's own (32 bytes) for a handle of it."""
        return await self.transport.fetch(Call("POST", "/v1/keys", {"secret": Hex(secret)}), Key)

    async def create_link(self, key: Key | str, peer: bytes | str, *, format: str = DEFAULT_FORMAT) -> Link:  # noqa: A002  # the service's word
        """A link between the owner of `key` (or of its handle) and that of the public key `peer` (32 bytes, or hex).

        `format` is `scout1` for a peer that runs the original.
        """
        handle = key.key if isinstance(key, Key) else key
        peer_hex = peer if isinstance(peer, str) else peer.hex()
        return await self._link({"key": handle, "peer": peer_hex, "format": format})

    async def link_from_secret(self, secret: bytes, member: int, *, format: str = DEFAULT_FORMAT) -> Link:  # noqa: A002  # the service's word
        """A link from a secret (32 bytes) that its holders share; `member` tells them apart.

        In scout2 it is a group's secret; in scout1 the shared one of a pair as it is.
        """
        return await self._link({"secret": Hex(secret), "member": member, "format": format})

    async def link_from_root(self, root: bytes, member: int) -> Link:
        """A link from a root secret of scout2 (32 bytes) that was worked out already."""
        return await self._link({"root": Hex(root), "member": member})

    async def link_from_passphrase(self, passphrase: str, group: str, member: int) -> Link:
        """A link of all who know the words and the group's name; `member` tells them apart. It takes about a second."""
        return await self._link({"passphrase": passphrase, "group": group, "member": member})

    async def rewrap(self, handle: str) -> Rewrapped:
        """Move the handle of a key or of a link to the service's newest master key."""
        return await self.transport.fetch(Call("POST", "/v1/handles/rewrap", {"handle": handle}), Rewrapped)

    def link(self, handle: str, *, format: str = DEFAULT_FORMAT, member: int = 0) -> Link:  # noqa: A002  # the service's word
        """A link whose handle was kept from an earlier time; nothing is sent."""
        return Link(self.transport, CreatedLink(link=handle, format=format, member=member))

    async def put_item(self, value: bytes, *, keep: int | None = None) -> StoredItem:
        """Store a byte string (at most 996 bytes) in the DHT, for anybody who knows its hash.

        The service keeps it alive for `keep` seconds, at most 30 days; None: 24 hours.
        """
        call = Call("POST", "/v1/items", {"value": Blob(value)} | keeping(keep))
        return await self.transport.fetch(call, StoredItem)

    async def get_item(self, item: bytes | str) -> bytes:
        """The byte string stored under a hash (20 bytes, or hex); ScoutApiError `not_found` when nobody holds it."""
        name = item if isinstance(item, str) else item.hex()
        found = await self.transport.fetch(Call("GET", f"/v1/items/{quote(name, safe='')}"), FoundItem)
        return bytes(found.value)

    async def dht_status(self) -> DhtStatus:
        """How one of the service's DHT nodes is; with several, whichever takes the request."""
        return await self.transport.fetch(Call("GET", "/v1/dht/status"), DhtStatus)

    async def dht_ping(self, address: str) -> DhtPing:
        """Have a DHT node of the service ping another node at `ip:port`."""
        return await self.transport.fetch(Call("POST", "/v1/dht/ping", {"address": address}), DhtPing)

    async def dht_lookup(self, target: bytes | str) -> DhtNearest:
        """The nodes of the DHT nearest to a target (20 bytes, or hex)."""
        name = target if isinstance(target, str) else target.hex()
        return await self.transport.fetch(Call("GET", f"/v1/dht/lookup/{quote(name, safe='')}"), DhtNearest)

    async def _link(self, body: dict[str, object]) -> Link:
        return Link(self.transport, await self.transport.fetch(Call("POST", "/v1/links", body), CreatedLink))
