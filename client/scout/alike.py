"""What all clients and all links have in common, wherever their keys are: for code that shall work with any of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from types import TracebackType
from typing import Protocol, Self

from scout.answers import Device, Entry, Inbox, Key, Sent, StoredItem, Written
from scout.synchronise import EntryUpdated, Finalize, Synchronisable
from scout.watching import Event
from shared.contracts.crypto import FormatName


class LinkLike(Synchronisable, Protocol):
    """A link: `scout.Link` or `scout.LocalLink`; the former says what each call does."""

    @property
    def format(self) -> str:
        """The format of its record."""

    @property
    def member(self) -> int:
        """Which of its members the caller is."""

    async def devices(self) -> list[Device]:
        """The devices in the record."""

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
        """Say where a device is."""

    async def remove_device(self, device_id: int) -> Written:
        """Take a device out of the record."""

    async def sync(
        self,
        entries: Mapping[int, bytes] | None = None,
        *,
        remove: Iterable[int] = (),
        if_match: str = "",
        ttl: int | None = None,
        keep: int | None = None,
    ) -> Written:
        """Read, merge, write."""

    async def synchronize(
        self,
        entries: Mapping[int, bytes] | Iterable[Entry],
        *,
        entry_updated: EntryUpdated | None = None,
        finalize: Finalize | None = None,
    ) -> list[Entry]:
        """The original's operation, with its callbacks."""

    async def send(self, body: bytes, *, seal: bool = True, keep: int | None = None) -> Sent:
        """Leave a message for the other members."""

    async def messages(self, after: int | None = None, *, limit: int | None = None, cursor: str | None = None) -> Inbox:
        """The other members' messages."""

    async def acknowledge(self, received: Mapping[int, int], *, keep: int | None = None) -> Written:
        """Say how far the others' messages have been received."""

    def watch(self, after: str | None = None) -> AsyncGenerator[Event, None]:
        """Changes of the record and new messages, as they come."""


class ScoutLike(Protocol):
    """A client: `scout.Client`, `scout.BlindClient` or `scout.Session`, to be used in `async with`."""

    async def __aenter__(self) -> Self:
        """Open it."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is in hand, and close it."""

    async def create_key(self) -> Key:
        """Make an X25519 secret."""

    async def import_key(self, secret: bytes) -> Key:
        """The key of a secret of one's own (32 bytes)."""

    async def create_link(self, key: Key | str, peer: bytes | str, *, format: FormatName = "scout2") -> LinkLike:  # noqa: A002  # the service's word
        """A link between the owner of `key` and that of a public key."""

    async def link_from_secret(self, secret: bytes, member: int, *, format: FormatName = "scout2") -> LinkLike:  # noqa: A002  # the service's word
        """A link from a secret (32 bytes) that its holders share."""

    async def link_from_root(self, root: bytes, member: int) -> LinkLike:
        """A link from a root secret of scout2 (32 bytes)."""

    async def link_from_passphrase(self, passphrase: str, group: str, member: int) -> LinkLike:
        """A link of all who know the words and the group's name."""

    async def put_item(self, value: bytes, *, keep: int | None = None) -> StoredItem:
        """Store a byte string in the DHT, for anybody who knows its hash."""

    async def get_item(self, item: bytes | str) -> bytes:
        """The byte string stored under a hash."""
