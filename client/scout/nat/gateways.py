"""Where the gateway is, and which of our addresses faces it."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from scout.nat.ports import Gateway
from shared.settings import Endpoint

ROUTES = Path("/proc/net/route")
"""Linux's table of IPv4 routes: a heading, then interface, destination, gateway, flags and more, in hexadecimal."""
_EVERYWHERE = "00000000"
_UP_AND_A_GATEWAY = 0x3
"""`RTF_UP | RTF_GATEWAY` (linux/route.h)."""
_FIELDS = 8
_PROBE_PORT = 9


def default_gateway(routes: Path = ROUTES) -> Gateway:
    """The gateway of the default route; one of unknown address where the system does not show its routes there."""
    try:
        rows = [line.split() for line in routes.read_text(encoding="ascii").splitlines()[1:]]
        found = sorted(
            (int(row[6]), row[2])
            for row in rows
            if len(row) >= _FIELDS and row[1] == row[7] == _EVERYWHERE and _is_usable(int(row[3], 16))
        )
        hosts = [socket.inet_ntoa(struct.pack("=I", int(gateway, 16))) for _metric, gateway in found]
    except (OSError, ValueError):
        hosts = []
    return Gateway.at(hosts[0]) if hosts else Gateway(None)


def facing(remote: Endpoint) -> str:
    """Our IPv4 address on the way to `remote`, which is sent nothing. Raises OSError when there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((remote.host, remote.port or _PROBE_PORT))
        host: str = probe.getsockname()[0]
        return host


def _is_usable(flags: int) -> bool:
    return flags & _UP_AND_A_GATEWAY == _UP_AND_A_GATEWAY
