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
from shared import service_settings
from shared.clock import SystemClock
from shared.metrics import new_registry
from shared.ops import serve_ops
from shared.service_main import run_service
from shared.settings import MAX_PORT, Endpoint, Reader, Setting, endpoint, integer, listed

NAME = "swarm"
log = logging.getLogger(f"services.standalone.{NAME}")  # this module is run, and then has no name of its own

OPS_PORT = 9104
CONFIG = replace(LAB, save_interval=10.0)
"""All its nodes die together: what they hold is only as safe as the last saving."""

_NODES = Setting("SCOUT_SWARM_NODES", integer(2, MAX_SWARM), 8, form=f"2 … {MAX_SWARM}", help="how many nodes")
_PORT = Setting(
    "SCOUT_SWARM_PORT",
    integer(1, MAX_PORT - MAX_SWARM),
    6881,
    form=f"1 … {MAX_PORT - MAX_SWARM}",
    help="UDP port of the first node; the others have those after it",
)
_ADDRESS: Setting[str | None] = Setting(
    "SCOUT_SWARM_ADDRESS", ipv4, form="an IPv4 address", usual="that of the host's name", help="where all nodes are"
)
_BOOTSTRAP: Setting[list[Endpoint]] = Setting(
    "SCOUT_SWARM_BOOTSTRAP",
    listed(endpoint),
    [],
    form="`host:port`, with commas between",
    help="nodes of other such processes, to make one network with them; its own may be among them",
)
_STATE_DIR: Setting[Path | None] = Setting(
    "SCOUT_SWARM_STATE_DIR",
    Path,
    form="a directory",
    usual="nothing is kept",
    help="where the nodes outlive a restart",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that it is told from outside."""

    listens: tuple[Endpoint, ...]
    bootstrap: tuple[Endpoint, ...]
    state: Path | None
    ops_listen: Endpoint
    log_level: str


def read(environ: Mapping[str, str]) -> Settings:
    """Read all settings from variables; see `read_from`."""
    return read_from(Reader(environ))


def read_from(reader: Reader) -> Settings:
    """Read all settings. Raises SettingsError that names every problem at once."""
    size, port, address = reader.read(_NODES), reader.read(_PORT), reader.read(_ADDRESS)
    bootstrap, state = reader.read(_BOOTSTRAP), reader.read(_STATE_DIR)
    ops_listen = reader.read(service_settings.ops_listen(OPS_PORT))
    log_level = reader.read(service_settings.LOG_LEVEL)
    reader.finish()
    host = address or socket.gethostbyname(socket.gethostname())
    return Settings(
        listens=tuple(Endpoint(host, port + number) for number in range(size)),
        bootstrap=tuple(bootstrap),
        state=state,
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
    sys.exit(run_service(NAME, read_from, serve, module="standalone.private_dht"))
