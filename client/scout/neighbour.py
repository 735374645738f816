"""A session that another process of the same user has open: its node and its keeping, by the socket in its directory.

What goes over the socket is what goes over the DHT: sealed, signed values. The keys stay with whoever asks.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Self

from scout.client import DEFAULT_TIMEOUT
from scout.local.client import LocalClient
from scout.transport import Surroundings
from shared.bus import local_socket
from shared.bus.gateways import BusDht
from shared.bus.local_socket import SocketRequester
from shared.bus.ports import Handlers
from shared.clock import Clock
from shared.contracts import dht
from shared.usecases.ports import Dht

SOCKET = "socket"
"""In the session's directory."""


def offered(to_others: Dht, state: Path, clock: Clock) -> AbstractAsyncContextManager[None]:
    """Answer this user's other processes at a socket in `state` until the block ends. Raises OSError."""
    handlers: Handlers = {
        dht.GET_MUTABLE: to_others.get_mutable,
        dht.PUT_MUTABLE: to_others.put_mutable,
        dht.GET_IMMUTABLE: to_others.get_immutable,
        dht.PUT_IMMUTABLE: to_others.put_immutable,
        dht.KEEP: to_others.keep,
        dht.RELEASE: to_others.release,
    }
    return local_socket.served(state / SOCKET, dht.KEEP.service, handlers, clock)


def is_open(state: Path) -> bool:
    """Whether another process has a session open with this directory, and offers its node."""
    return local_socket.in_use(state / SOCKET)


class NeighbourClient(LocalClient):
    """A client by way of the session that has the directory `state` open. The interface is that of `scout.Session`."""

    def __init__(
        self, state: Path, *, timeout: float = DEFAULT_TIMEOUT, surroundings: Surroundings | None = None
    ) -> None:
        """`timeout` in seconds bounds each call."""
        super().__init__(timeout=timeout, surroundings=surroundings)
        self._socket = state / SOCKET

    async def __aenter__(self) -> Self:
        """Nothing is sent yet."""
        self._open_dht = BusDht(SocketRequester(self._socket, self._surroundings.clock))
        return self
