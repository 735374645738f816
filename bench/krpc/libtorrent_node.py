"""A libtorrent session with its throttles off: `python -m bench.krpc.libtorrent_node HOST PORT CORE`.

Answers each line of standard input with the number of its contacts, and ends when there are no more.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import libtorrent

from bench.krpc.contacts import contacts
from bench.machine import pin

UNLIMITED = 1_000_000_000


def session(host: str, port: int) -> Any:
    """A DHT node and nothing else, in a lab of loopback addresses."""
    return libtorrent.session(
        {
            "listen_interfaces": f"{host}:{port}",
            "alert_mask": 0,
            "enable_dht": True,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "dht_bootstrap_nodes": "",
            "dht_restrict_routing_ips": False,
            "dht_restrict_search_ips": False,
            "dht_enforce_node_id": False,
            "dht_ignore_dark_internet": False,
            "dht_upload_rate_limit": UNLIMITED,
            "dht_block_ratelimit": UNLIMITED // 10,
            "dht_block_timeout": 1,
            "dht_max_dht_items": 1_000_000,
        }
    )


def contact_count(running: Any) -> int:
    """Entries of its routing table."""
    running.post_session_stats()
    for _ in range(50):
        running.wait_for_alert(200)
        for alert in running.pop_alerts():
            if isinstance(alert, libtorrent.session_stats_alert):
                return int(alert.values["dht.dht_nodes"])
    return 0


def serve(host: str, port: int) -> None:
    """Run the session until standard input ends."""
    running = session(host, port)
    time.sleep(1.0)
    for number, contact in enumerate(contacts()):
        running.add_dht_node(contact.address)
        if number % 50 == 0:
            time.sleep(0.1)
    for _ in sys.stdin:
        print(contact_count(running), flush=True)


if __name__ == "__main__":
    pin(int(sys.argv[3]))
    serve(sys.argv[1], int(sys.argv[2]))
