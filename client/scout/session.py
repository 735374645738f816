"""A whole peer in the caller's own process: a DHT node, the cryptography and the use cases, without bus or server.

What the original's `dht_session` was. The node takes part in the DHT for as long as the session is open, and puts again
what was asked to be kept. With a directory for its state it is the same node at the same port the next time, and goes
on with what was to be kept, also after a crash.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from prometheus_client import CollectorRegistry

from scout import neighbour
from scout.client import DEFAULT_TIMEOUT
from scout.errors import ClientError
from scout.local.client import LocalClient
from scout.nat.gateways import default_gateway
from scout.nat.mapper import PortMapper, mapped
from scout.nat.pcp import NONCE_SIZE
from scout.nat.ports import Gateway, PortMapping, Way
from scout.session_directory import Remembered, SessionDirectory
from scout.transport import Surroundings
from services.dht_node.core.config import LAB, Mode, NodeConfig
from services.dht_node.keep_meters import KeepMeters
from services.dht_node.keeper import keeper_of
from services.dht_node.opening import open_node
from services.dht_node.service import DhtService
from shared.bus.memory_leases import MemoryLeases
from shared.bus.ports import Leases
from shared.bus.saved_leases import saved_leases
from shared.lifecycle import Tasks
from shared.settings import Endpoint, endpoint

log = logging.getLogger(__name__)

Ways = Callable[[Gateway, bytes, random.Random], Sequence[Way]]
"""(gateway, nonce, dice) -> the ways to ask the gateway."""

ANYWHERE = Endpoint("0.0.0.0", 0)  # noqa: S104  # peers come from anywhere
JOIN_WITHIN = 10.0
"""Seconds that opening waits for a network around the node; calls after them say `dht_unavailable` while there is none.
"""

_LOOK_AGAIN_S = 0.05


class Session(LocalClient):
    """A peer of its own; use it as `async with scout.Session(state="~/.local/share/mine") as session`.

    Its links have the interface of `scout.Link`. Nobody but the DHT's nodes is asked for anything.
    """

    def __init__(
        self,
        *,
        bootstrap: Sequence[str] | None = None,
        listen: str | None = None,
        state: Path | str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        port_mapping: bool | Gateway = False,
        surroundings: Surroundings | None = None,
    ) -> None:
        """Join by the nodes of `bootstrap` (`host:port`); None: the well-known ones of the public DHT.

        `listen` is an `address:port`, by default any free port at every IPv4 address; `state` a directory.
        `port_mapping`: have the gateway of the default route, or this one, map the node's port (extra `nat`).
        """
        super().__init__(timeout=timeout, surroundings=surroundings)
        self._bootstrap = None if bootstrap is None else [endpoint(name) for name in bootstrap]
        self._listen = ANYWHERE if listen is None else endpoint(listen)
        self._directory = None if state is None else SessionDirectory(Path(state).expanduser())
        self._port_mapping = port_mapping
        self._mapper: PortMapper | None = None
        self._node: DhtService | None = None

    async def __aenter__(self) -> Self:
        """Start the node, and wait a while for a network around it.

        Raises ClientError when the address is taken, when another session has the directory, or without the extra that
        port mapping needs.
        """
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    @property
    def joined(self) -> bool:
        """Whether there is a network around the node."""
        return self._node is not None and self._node.joined

    @property
    def endpoint(self) -> Endpoint:
        """Where the node listens. RuntimeError outside `async with`."""
        if self._node is None:
            raise RuntimeError("expected `async with scout.Session(…) as session`, got a session that is not open")
        return self._node.endpoint

    @property
    def mapping(self) -> PortMapping | None:
        """The gateway's port that leads to the node; None while there is none, or none yet."""
        return None if self._mapper is None else self._mapper.mapping

    def offered(self) -> AbstractAsyncContextManager[None]:
        """Let this user's other processes work through this node, by a socket in its directory, until the block ends.

        RuntimeError outside `async with`, and without a directory.
        """
        if self._directory is None:
            raise RuntimeError("expected a session with a directory for its state")
        return neighbour.offered(self._dht, self._directory.path, self._surroundings.clock)

    async def _open(self) -> None:
        ways = _ways() if self._port_mapping else None
        if self._directory is not None:
            self._stack.enter_context(self._directory.held())
        remembered = Remembered() if self._directory is None else self._directory.remembered()
        self._node = await self._start_node(remembered.port)
        nonce = bytes.fromhex(remembered.mapping_nonce) or self._surroundings.entropy(NONCE_SIZE)
        if self._directory is not None:
            self._directory.remember(Remembered(self._node.endpoint.port, nonce.hex()))
        if ways is not None:
            await self._map_port(self._node, ways, nonce)
        await self._wait_for_a_network(self._node)
        await self._keep(self._node)

    async def _start_node(self, port: int) -> DhtService:
        """A node where the session listens; at any port is by preference at `port`, that of the last time."""
        if port and not self._listen.port:
            # somebody else may have it now
            with suppress(OSError):
                return await self._node_at(replace(self._listen, port=port))
        try:
            return await self._node_at(self._listen)
        except OSError as error:
            raise ClientError(f"expected a DHT node to start at {self._listen}: {error.strerror or error}") from error

    async def _node_at(self, listen: Endpoint) -> DhtService:
        return await self._stack.enter_async_context(
            open_node(
                # whoever listens on loopback has only loopback nodes to speak to
                LAB if listen.is_loopback else NodeConfig(mode=Mode.AUTO),
                listen,
                bootstrap=self._bootstrap,
                clock=self._surroundings.clock,
                entropy=self._surroundings.entropy,
                state_path=None if self._directory is None else self._directory.node,
            )
        )

    async def _map_port(self, node: DhtService, ways: Ways, nonce: bytes) -> None:
        """Begin to ask the gateway; nothing waits for its answer."""
        if ":" in node.endpoint.host:
            log.info("no port is mapped, for the node speaks IPv6: no NAT translates that")
            return
        given = self._port_mapping
        # for external ports only, which are no secret
        dice = random.Random(self._surroundings.entropy(8))  # noqa: S311
        self._mapper = PortMapper(
            node.endpoint,
            lambda: given if isinstance(given, Gateway) else default_gateway(),
            lambda gateway: ways(gateway, nonce, dice),
            clock=self._surroundings.clock,
            pause=self._surroundings.sleep,
        )
        await self._stack.enter_async_context(mapped(self._mapper))

    async def _keep(self, node: DhtService) -> None:
        """Put again what was asked to be kept, for as long as the session is open."""
        meters = KeepMeters.build(CollectorRegistry())
        self._open_dht, keeper = keeper_of(node, await self._leases(), self._surroundings.clock, meters)
        tasks = await self._stack.enter_async_context(Tasks())
        tasks.start(keeper.run(), name="keeper")

    async def _leases(self) -> Leases:
        if self._directory is None:
            return MemoryLeases()
        return await self._stack.enter_async_context(saved_leases(self._directory.leases))

    async def _wait_for_a_network(self, node: DhtService) -> None:
        until = self._surroundings.clock.monotonic() + JOIN_WITHIN
        while not node.joined and self._surroundings.clock.monotonic() < until:
            await self._surroundings.sleep(_LOOK_AGAIN_S)


def _ways() -> Ways:
    """Raises ClientError without the extra, which nobody needs who has no port mapped."""
    try:
        from scout.nat.ways import ways_of  # noqa: PLC0415  # the library is an extra
    except ModuleNotFoundError as error:
        raise ClientError("expected the extra `nat` for `port_mapping`: pip install 'scout[nat]'") from error
    return ways_of
