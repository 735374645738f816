"""Ports that nobody uses right now, so that two runs of the suite on one machine do not meet."""

from __future__ import annotations

import socket


def free_port(host: str = "127.0.0.1", kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port at `host` that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def free_udp_port(host: str) -> int:
    """The same for datagrams."""
    return free_port(host, socket.SOCK_DGRAM)
