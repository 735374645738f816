"""Where are my peers: the entries of a record that say where devices can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import ErrorCode, ScoutError
from shared.format import devices
from shared.format.errors import FormatError
from shared.format.members import MAILBOX_BASE
from shared.format.problems import scout_error
from shared.usecases.changes import Edit
from shared.usecases.formats.ports import Entries, Entry, Wanted

MAX_DEVICE_ID = MAILBOX_BASE - 1
"""Ids above are the members' mailboxes."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device of a record."""

    id: int
    seq: int
    """The higher one is the newer: how often its entry was written in scout1, Unix milliseconds in scout2."""
    addresses: tuple[str, ...] = ()
    """`host:port`, an IPv6 address in brackets."""
    name: str = ""
    data: bytes = b""
    """The application's own; for a foreign entry its whole content."""
    foreign: bool = False
    """The content is no device's map: an original client, or another application, wrote it."""
    written_ms: int | None = None
    """When it was last announced, by the clock of who did: Unix milliseconds; None: nobody knows."""
    expires_ms: int | None = None
    """When it stops to count: Unix milliseconds; None: never, by itself."""


def listed(entries: Entries) -> tuple[Device, ...]:
    """The devices among the entries of a record, by ascending id."""
    return tuple(
        _device(entry, entry.content) for entry in entries if entry.id <= MAX_DEVICE_ID and entry.content is not None
    )


def announcement(device_id: int, addresses: Sequence[str], name: str, data: bytes, ttl: int | None = None) -> Edit:
    """The change that says where a device is, for `ttl` seconds where the format has them; it replaces what was said.

    Raises ScoutError (`invalid_request`) for an address that is not `host:port`.
    """
    try:
        compact = tuple(devices.address_from_text(address) for address in addresses)
        # absent and empty are the same to a reader, and absent is shorter: 255 bytes are soon used
        content = devices.encode(devices.Device(addresses=compact, name=name or None, data=data or None))
    except FormatError as error:
        raise scout_error(error) from None
    return Edit(wanted=(Wanted(_checked(device_id), content, ttl=ttl),))


def removal(device_id: int) -> Edit:
    """The change that leaves a device out; in scout1 an older version may bring it back."""
    return Edit(removed=frozenset({_checked(device_id)}))


def _checked(device_id: int) -> int:
    if not 0 <= device_id <= MAX_DEVICE_ID:
        raise ScoutError(
            ErrorCode.INVALID_REQUEST, f"Expected a device's id from 0 to {MAX_DEVICE_ID}, got {device_id}."
        )
    return device_id


def _device(entry: Entry, content: bytes) -> Device:
    # where entries expire, their seqs are times
    written_ms = None if entry.expires_ms is None else entry.seq
    try:
        device = devices.decode(content)
    except FormatError:
        return Device(
            entry.id, entry.seq, data=content, foreign=True, written_ms=written_ms, expires_ms=entry.expires_ms
        )
    return Device(
        id=entry.id,
        seq=entry.seq,
        addresses=tuple(devices.address_to_text(address) for address in device.addresses),
        name=device.name or "",
        data=device.data or b"",
        written_ms=written_ms,
        expires_ms=entry.expires_ms,
    )
