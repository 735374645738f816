"""`python -m services.standalone.private_dht`: a private DHT in a process of its own, where other machines reach it.

For stacks without the internet (compose's profile `swarm`). All its nodes have one address and ports of their own, from
`SCOUT_SWARM_PORT` on; whoever wants to join does so by any of them, as a lab (`SCOUT_DHT_LAB`). Several such processes
make one network when `SCOUT_SWARM_BOOTSTRAP` names nodes of the others; it may name their own, too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from services.dht_node.core.config import LAB
from services.dht_node.settings import ipv4
from services.standalone.config import MAX_SWARM
from services.standalone.swarm import open_nodes
from shared import lifecycle, service_settings
from shared.clock import SystemClock
from shared.metrics import new_registry
from shared.ops import serve_ops
from shared.settings import MAX_PORT, Endpoint, Reader, Setting, endpoint, integer, listed, text

NAME = "swarm"
log = logging.getLogger(f"services.standalone.{NAME}")  # this module is run, and then has no name of its own

OPS_PORT = 9104
CONFIG = replace(LAB, save_interval=10.0)
"""All its nodes die together: what they hold is only as safe as the last saving."""

_ADDRESS: Setting[str | None] = Setting("SCOUT_SWARM_ADDRESS", ipv4)
_BOOTSTRAP: Setting[list[Endpoint]] = Setting("SCOUT_SWARM_BOOTSTRAP", listed(endpoint), [])
_STATE_DIR: Setting[str | None] = Setting("SCOUT_SWARM_STATE_DIR", text)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that it is told from outside."""

    listens: tuple[Endpoint, ...]
    bootstrap: tuple[Endpoint, ...]
    state: Path | None
    ops_listen: Endpoint
    log_level: str


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once."""
    reader = Reader(environ)
    size = reader.read(Setting("SCOUT_SWARM_NODES", integer(2, MAX_SWARM), 8))
    port = reader.read(Setting("SCOUT_SWARM_PORT", integer(1, MAX_PORT - MAX_SWARM), 6881))
    bootstrap = reader.read(_BOOTSTRAP)
    address, state = reader.read(_ADDRESS), reader.read(_STATE_DIR)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    log_level = reader.read(service_settings.LOG_LEVEL)
    reader.finish()
    host = address or socket.gethostbyname(socket.gethostname())
    return Settings(
        listens=tuple(Endpoint(host, port + number) for number in range(size)),
        bootstrap=tuple(bootstrap),
        state=Path(state) if state else None,
        ops_listen=ops_listen,
        log_level=log_level,
    )


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Run the nodes until `stop`. Raises OSError and ScoutError at start."""
    registry = new_registry(NAME, version("scout"))
    async with (
        open_nodes(
            settings.listens,
            CONFIG,
            clock=SystemClock(),
            entropy=os.urandom,
            bootstrap=settings.bootstrap,
            state=settings.state,
        ) as nodes,
        serve_ops(settings.ops_listen, registry, lambda: {"dht": all(node.joined for node in nodes)}),
    ):
        first, last = settings.listens[0], settings.listens[-1]
        log.info("a private DHT", extra={"first": str(first), "last": str(last)})
        await stop.wait()


if __name__ == "__main__":
    sys.exit(lifecycle.run_service(NAME, read, serve))
