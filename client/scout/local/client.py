"""What a client does that keeps its keys to itself, whatever DHT it works over."""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from types import TracebackType

from scout.answers import Key, StoredItem
from scout.errors import ScoutApiError
from scout.local import answers, opening
from scout.local.link import LocalLink, Workings, as_client_errors, context_for
from scout.transport import Surroundings
from shared.bus.memory_sightings import MemorySightings
from shared.contracts.crypto import FormatName
from shared.errors import ErrorCode
from shared.format import keys
from shared.format.bep44 import TARGET_SIZE
from shared.json_bytes import Hex
from shared.links.local import LocalCrypto
from shared.links.ports import Link
from shared.usecases import items
from shared.usecases.keeping import DEFAULT_KEEP_S, kept, lasting
from shared.usecases.ports import Dht, Ports
from shared.usecases.releasing import Releaser
from shared.usecases.sighting import SharedDht, TellingDht
from shared.usecases.synchronise import Synchroniser


class LocalClient:
    """Base of the clients whose links are `LocalLink`s. All calls raise `ScoutApiError` or `Unreachable`."""

    def __init__(self, *, timeout: float, surroundings: Surroundings | None) -> None:
        """`timeout` in seconds bounds each call."""
        self._timeout = timeout
        self._surroundings = surroundings or Surroundings()
        self._stack = AsyncExitStack()
        self._open_dht: Dht | None = None
        self._sightings = MemorySightings(self._surroundings.clock)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the writes in flight, and close."""
        self._open_dht = None
        await self._stack.__aexit__(kind, error, trace)

    async def create_key(self) -> Key:
        """Make an X25519 secret here. Its `key` is the secret itself, as hex: keep it, nobody else has it."""
        return await self.import_key(self._surroundings.entropy(keys.SECRET_KEY_SIZE))

    async def import_key(self, secret: bytes) -> Key:
        """The key of a secret of one's own (32 bytes). Nothing is sent."""
        return Key(key=secret.hex(), public_key=Hex(keys.public_key(secret)))

    async def create_link(self, key: Key | str, peer: bytes | str, *, format: FormatName = "scout2") -> LocalLink:  # noqa: A002  # as in Client
        """A link between the owner of `key` and that of the public key `peer` (32 bytes, or hex)."""
        secret = _from_hex(key.key if isinstance(key, Key) else key, "a secret key")
        public = _from_hex(peer, "a public key") if isinstance(peer, str) else peer
        return await self._link(opening.of_pair(secret, public, format))

    async def link_from_secret(self, secret: bytes, member: int, *, format: FormatName = "scout2") -> LocalLink:  # noqa: A002  # as in Client
        """A link from a secret (32 bytes) that its holders share."""
        return await self._link(opening.of_secret(secret, member, format))

    async def link_from_root(self, root: bytes, member: int) -> LocalLink:
        """A link from a root secret of scout2 (32 bytes)."""
        return await self._link(opening.of_root(root, member))

    async def link_from_passphrase(self, passphrase: str, group: str, member: int) -> LocalLink:
        """A link of all who know the words and the group's name. It takes about a second of this machine."""
        return await self._link(await opening.of_passphrase(passphrase, group, member))

    async def put_item(self, value: bytes, *, keep: int | None = None) -> StoredItem:
        """Store a byte string (at most 996 bytes) in the DHT, for anybody who knows its hash."""
        seconds = DEFAULT_KEEP_S if keep is None else keep
        with as_client_errors():
            context = context_for(self._surroundings.clock, self._timeout)
            reply = await items.put(self._dht, value, context, seconds)
        return StoredItem(hash=Hex(reply.target), storing=answers.storing(reply.storing), **lasting(kept(reply)))

    async def get_item(self, item: bytes | str) -> bytes:
        """The byte string stored under a hash (20 bytes, or hex)."""
        target = _from_hex(item, "a hash") if isinstance(item, str) else item
        if len(target) != TARGET_SIZE:
            raise ScoutApiError(
                ErrorCode.INVALID_REQUEST, f"expected a hash of {TARGET_SIZE} bytes, got {len(target)}", status=0
            )
        with as_client_errors():
            return await items.get(self._dht, target, context_for(self._surroundings.clock, self._timeout))

    @property
    def _dht(self) -> Dht:
        """RuntimeError outside `async with`."""
        if self._open_dht is None:
            raise RuntimeError("expected `async with` around a client, got one that is not open")
        return self._open_dht

    async def _link(self, link: Link) -> LocalLink:
        # jitter needs no secrecy, only that two processes differ
        dice = random.Random(self._surroundings.entropy(8))  # noqa: S311
        ports = Ports(
            dht=TellingDht(self._dht, self._sightings),
            crypto=LocalCrypto(link, self._surroundings.entropy),
            clock=self._surroundings.clock,
            dice=dice,
            pause=self._surroundings.sleep,
        )
        releaser = await self._stack.enter_async_context(Releaser(ports))
        synchroniser = await self._stack.enter_async_context(Synchroniser(ports, releaser.notice))
        return LocalLink(
            Workings(ports, synchroniser, releaser, self._eyes),
            keys=link,
            timeout=self._timeout,
            surroundings=self._surroundings,
        )

    def _eyes(self) -> AbstractAsyncContextManager[Dht]:
        """The DHT for one watcher: watchers of this process share what they see."""
        surroundings = self._surroundings
        return nullcontext(SharedDht(self._dht, self._sightings, surroundings.clock, pause=surroundings.sleep))


def _from_hex(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ScoutApiError(ErrorCode.INVALID_REQUEST, f"expected {what} as hex digits", status=0) from None
