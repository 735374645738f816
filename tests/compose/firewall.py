"""What an engine does to the machine's firewall, undone when it is gone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


@contextmanager
def firewall_as_it_was() -> Iterator[None]:
    """Put rules, policies and forwarding back as they were before the block: dockerd leaves its own behind."""
    rules = subprocess.run(["iptables-save"], capture_output=True, check=True).stdout
    forwarding = _FORWARDING.read_text()
    try:
        yield
    finally:
        # restoring leaves alone what has no rules yet: with an empty table first, what was made meanwhile goes too
        empty = b"*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*nat\nCOMMIT\n"
        for wanted in (empty, rules):
            subprocess.run(["iptables-restore"], input=wanted, check=True)
        _FORWARDING.write_text(forwarding)
