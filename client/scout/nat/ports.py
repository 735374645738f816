"""What a session asks of a gateway, and the ways on which it may be asked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from shared.settings import Endpoint

CONTROL_PORT = 5351
"""UDP, of PCP and NAT-PMP alike (RFC 6887, section 19.1)."""
SSDP = Endpoint("239.255.255.250", 1900)
"""Where UPnP devices are asked for (UPnP Device Architecture 2.0, section 1.3.2)."""


class UnmappedError(Exception):
    """A gateway did not map the port; the text completes the sentence "no mapping, for …"."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where a gateway is asked."""

    control: Endpoint | None
    """By PCP and NAT-PMP; None: its address is not known."""
    ssdp: Endpoint = SSDP
    """By UPnP: the group of all devices, or one of them."""

    @classmethod
    def at(cls, host: str) -> Gateway:
        """The gateway with that IPv4 address."""
        return cls(Endpoint(host, CONTROL_PORT))


@dataclass(frozen=True, slots=True)
class PortMapping:
    """A UDP port of the gateway that leads to the node."""

    protocol: str
    """`PCP`, `NAT-PMP` or `UPnP`."""
    external: Endpoint
    """Where the gateway is reached from outside."""
    lifetime_s: int
    """It ends after so many seconds unless it is renewed, which the session does; 0: only with the gateway itself."""

    @property
    def public(self) -> bool:
        """Whether that is an address of the internet, and not of a second NAT before it."""
        return ipaddress.ip_address(self.external.host).is_global


@dataclass(frozen=True, slots=True)
class Wish:
    """A mapping as it is asked for."""

    internal: Endpoint
    """Where the node is, as the gateway sees it."""
    external_port: int
    """The port that we would like; the gateway may give another."""
    lifetime_s: int


class Way(Protocol):
    """One protocol, spoken to one gateway."""

    @property
    def name(self) -> str:
        """As in `PortMapping.protocol`."""
        ...

    async def map(self, wish: Wish) -> PortMapping:
        """Ask for a mapping, or for more time for the one there is. Raises UnmappedError."""
        ...

    async def unmap(self, granted: Wish) -> None:
        """Give back what `map` brought: the wish, with the external port that was granted. Raises UnmappedError."""
        ...
