"""Scout's Python SDK: find your peers, and leave them messages.

async with scout.Client("http://127.0.0.1:8080") as client:
    key = await client.create_key()
    link = await client.create_link(key, peer="<the peer's public key>")
    await link.announce(1, ["198.51.100.4:443"], name="phone")
    for device in await link.devices():
        print(device.name, device.addresses)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scout.alike import LinkLike, ScoutLike
from scout.answers import (
    Device,
    Entry,
    Gap,
    Inbox,
    Key,
    More,
    PassedOver,
    ReceivedMessage,
    Record,
    Sent,
    StoredItem,
    StoringReport,
    Written,
)
from scout.blind.client import BlindClient
from scout.client import Client
from scout.errors import BudgetSpent, ClientError, OpenElsewhere, ScopeMissing, ScoutApiError, Unauthorized, Unreachable
from scout.link import Link
from scout.local.link import LocalLink
from scout.nat.ports import Gateway, PortMapping
from scout.transport import RetryPolicy, Surroundings
from scout.watching import Event, MessageArrived, MessagesMissing, RecordChanged

if TYPE_CHECKING:
    from scout.session import Session


def __getattr__(name: str) -> object:
    """A session is a whole DHT node: whoever only calls a service does not have to load one."""
    if name == "Session":
        from scout.session import Session  # noqa: PLC0415

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BlindClient",
    "BudgetSpent",
    "Client",
    "ClientError",
    "Device",
    "Entry",
    "Event",
    "Gap",
    "Gateway",
    "Inbox",
    "Key",
    "Link",
    "LinkLike",
    "LocalLink",
    "MessageArrived",
    "MessagesMissing",
    "More",
    "OpenElsewhere",
    "PassedOver",
    "PortMapping",
    "ReceivedMessage",
    "Record",
    "RecordChanged",
    "RetryPolicy",
    "ScopeMissing",
    "ScoutApiError",
    "ScoutLike",
    "Sent",
    "Session",
    "StoredItem",
    "StoringReport",
    "Surroundings",
    "Unauthorized",
    "Unreachable",
    "Written",
]
