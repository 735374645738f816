"""What can be chosen when everything runs in one process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared.api_keys import KeyRing
from shared.settings import Endpoint

API_LISTEN = Endpoint("127.0.0.1", 8080)
MAX_SWARM = 250
"""A node for each address of the form 127.x.n.1, and as many as two cores still serve."""
OPS_LISTEN = Endpoint("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class StandaloneConfig:
    """The whole stack's settings; a port 0 lets the system choose."""

    swarm: int = 0
    """Nodes of a private DHT on loopback; 0 joins the public one."""
    bootstrap: tuple[Endpoint, ...] | None = None
    """`host:port` of nodes to join by; None: the well-known ones, or the swarm if there is one."""
    api_listen: Endpoint = API_LISTEN
    ops_listen: Endpoint = OPS_LISTEN
    dht_listen: Endpoint | None = None
    """None: a loopback address when all nodes to join by have one, else every address of the machine."""
    redis_url: str | None = None
    """None: a server of our own, embedded."""
    state: Path | None = None
    """Keeps the keys, the bus and the DHT's contacts from one run to the next; None: nothing is kept."""
    api_keys: KeyRing | None = None
    """Whom the API lets in; None: everybody on this machine."""
    swarm_network: str = "127.77"
    """The first two bytes of the swarm's addresses."""

    def below_state(self, name: str) -> Path | None:
        """A path in the state directory; None when nothing is kept."""
        return self.state / name if self.state else None
