"""The way in for those who trust no server: a `BlindClient` for one service, which never gets a key."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from scout.answers import Key, StoredItem
from scout.blind.relay import RelayDht
from scout.client import DEFAULT_TIMEOUT, Client
from scout.local import opening
from scout.local.link import LocalLink
from scout.transport import RetryPolicy, Surroundings
from shared.contracts.crypto import FormatName
from shared.format import keys
from shared.json_bytes import Hex
from shared.links.local import LocalCrypto
from shared.links.ports import Link
from shared.usecases.ports import Ports
from shared.usecases.synchronise import Synchroniser


class BlindClient:
    """A connection to a Scout service that only relays; use it as `async with scout.BlindClient(url) as client`.

    Its links have the interface of `scout.Link`, and do all cryptography here: the service sees sealed, signed values
    and when they are asked for. It needs the scope `relay` only.
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
        """As `scout.Client`."""
        self._surroundings = surroundings or Surroundings()
        self._client = Client(url, api_key=api_key, timeout=timeout, retry=retry, surroundings=self._surroundings)
        self._timeout = timeout
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the connection pool; nothing is sent yet."""
        await self._stack.enter_async_context(self._client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the writes in flight and close all connections."""
        await self._stack.__aexit__(kind, error, trace)

    async def create_key(self) -> Key:
        """Make an X25519 secret here. Its `key` is the secret itself, as hex: keep it, nobody else has it."""
        return await self.import_key(self._surroundings.entropy(keys.SECRET_KEY_SIZE))

    async def import_key(self, secret: bytes) -> Key:
        """The key of a secret of one's own (32 bytes). Nothing is sent."""
        return Key(key=secret.hex(), public_key=Hex(keys.public_key(secret)))

    async def create_link(self, key: Key | str, peer: bytes | str, *, format: FormatName = "scout2") -> LocalLink:  # noqa: A002  # as in Client
        """A link between the owner of `key` and that of the public key `peer` (32 bytes, or hex)."""
        secret = bytes.fromhex(key.key if isinstance(key, Key) else key)
        public = bytes.fromhex(peer) if isinstance(peer, str) else peer
        return await self._open(opening.of_pair(secret, public, format))

    async def link_from_secret(self, secret: bytes, member: int, *, format: FormatName = "scout2") -> LocalLink:  # noqa: A002  # as in Client
        """A link from a secret (32 bytes) that its holders share."""
        return await self._open(opening.of_secret(secret, member, format))

    async def link_from_root(self, root: bytes, member: int) -> LocalLink:
        """A link from a root secret of scout2 (32 bytes)."""
        return await self._open(opening.of_root(root, member))

    async def link_from_passphrase(self, passphrase: str, group: str, member: int) -> LocalLink:
        """A link of all who know the words and the group's name. It takes about a second of this machine."""
        return await self._open(await opening.of_passphrase(passphrase, group, member))

    async def put_item(self, value: bytes, *, keep: int | None = None) -> StoredItem:
        """Store a byte string in the DHT, for anybody who knows its hash."""
        return await self._client.put_item(value, keep=keep)

    async def get_item(self, item: bytes | str) -> bytes:
        """The byte string stored under a hash."""
        return await self._client.get_item(item)

    async def _open(self, link: Link) -> LocalLink:
        # jitter needs no secrecy, only that two processes differ
        dice = random.Random(self._surroundings.entropy(8))  # noqa: S311
        ports = Ports(
            dht=RelayDht(self._client.transport),
            crypto=LocalCrypto(link, self._surroundings.entropy),
            clock=self._surroundings.clock,
            dice=dice,
            pause=self._surroundings.sleep,
        )
        synchroniser = await self._stack.enter_async_context(Synchroniser(ports))
        return LocalLink(
            ports, synchroniser, member=link.member, timeout=self._timeout, surroundings=self._surroundings
        )
