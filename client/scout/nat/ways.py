"""All ways to ask one gateway, in the order in which they are tried."""

from __future__ import annotations

import random

from scout.nat.natpmp import NatPmp
from scout.nat.pcp import Pcp
from scout.nat.ports import Gateway, Way
from scout.nat.upnp import Upnp


def ways_of(gateway: Gateway, nonce: bytes, dice: random.Random) -> list[Way]:
    """PCP and NAT-PMP where the gateway's address is known: two datagrams. Then UPnP: a search and documents."""
    by_address: list[Way] = [] if gateway.control is None else [Pcp(gateway.control, nonce), NatPmp(gateway.control)]
    return [*by_address, Upnp(gateway.ssdp, dice)]
