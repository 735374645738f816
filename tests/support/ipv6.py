"""IPv6 on this machine, which containers often go without."""

from __future__ import annotations

import socket

import pytest

LOOPBACK6 = "::1"


def _has_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((LOOPBACK6, 0))
    except OSError:
        return False
    return True


HAS_IPV6 = _has_loopback()
needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6 loopback (::1)")
