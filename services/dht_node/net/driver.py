"""All that touches the socket and the loop: a node, one UDP socket, one timer.

An incoming query costs no task, no future and no log line. The socket is drained in a burst for each wake-up, bounded
so that timers and operations get their turn; what the burst gave rise to is sent straight from the core's outbox.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.events import (
    BootstrapNeeded,
    Event,
    ExternalAddressChanged,
    HeardOfOthers,
    Isolated,
    OperationId,
    Outcome,
)
from services.dht_node.core.node import Node
from services.dht_node.net.datagrams import datagrams_of
from shared.clock import Clock
from shared.settings import Endpoint, UnusableError

log = logging.getLogger(__name__)

SOCKET_BUFFER = 4 * 2**20
"""Bytes asked of the kernel, which may give less: room for a burst of queries while we are busy."""

Begin = Callable[[Node, float], OperationId]
"""Begins one operation on a node, now."""


class Driver:
    """Runs a node on a socket; use `Driver.open`."""

    def __init__(self, node: Node, sock: socket.socket, clock: Clock, wish: Callable[[], None]) -> None:
        """`wish` is called when the node wants bootstrap nodes."""
        self.node = node
        self._sock = sock
        self._datagrams = datagrams_of(sock)
        self._clock = clock
        self._wish = wish
        self._beside: Driver | None = None
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[OperationId, asyncio.Future[Outcome]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    @classmethod
    @contextmanager
    def open(cls, node: Node, listen: Endpoint, clock: Clock, wish: Callable[[], None]) -> Iterator[Self]:
        """Run `node` at `listen` (an IP address; port 0: any free one) until the block ends. Raises OSError."""
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0)
            if family == socket.AF_INET6:
                # IPv4 has a socket of its own; mapped addresses would be neither one's nor the other's
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
            try:
                sock.bind((listen.host, listen.port))
            except OSError as error:
                raise UnusableError(listen, "an address and a free UDP port to listen on", error) from None
            driver = cls(node, sock, clock, wish)
            node.add_own_address((driver.endpoint.host, driver.endpoint.port))
            driver._loop.add_reader(sock, driver._readable)
            driver._settle()
            try:
                yield driver
            finally:
                driver._close()

    @property
    def endpoint(self) -> Endpoint:
        """Where the socket is bound."""
        host, port, *_ = self._sock.getsockname()
        return Endpoint(host, port)

    @property
    def send_failures(self) -> Counter[str]:
        """Datagrams that the socket did not take, by reason out of `datagrams.SEND_FAILURES`."""
        return self._datagrams.send_failures

    def stand_beside(self, other: Driver | None) -> None:
        """From now on the node of the other family runs beside ours, or no more; see `Node.stand_beside`."""
        self._beside = other
        self.node.stand_beside(None if other is None else other.node)

    def hear_of(self, contacts: Iterable[Contact]) -> None:
        """Hand hearsay to the node."""
        self.node.hear_of(contacts, self._clock.monotonic())
        self._settle()

    async def run(self, begin: Begin) -> Outcome:
        """Begin an operation and wait for its outcome; what `begin` raises is raised here.

        Cancelling the wait leaves the operation to its end, which nobody hears of. When the driver closes, whoever
        still waits hears that there is nobody to ask any more.
        """
        operation = begin(self.node, self._clock.monotonic())
        future: asyncio.Future[Outcome] = self._loop.create_future()
        self._waiting[operation] = future
        self._settle()
        try:
            return await future
        finally:
            self._waiting.pop(operation, None)

    def add_bootstrap(self, addresses: Iterable[Address]) -> None:
        """Hand bootstrap nodes to the node."""
        self.node.add_bootstrap(addresses, self._clock.monotonic())
        self._settle()

    def _readable(self) -> None:
        self.node.receive_datagrams(self._datagrams.receive(), self._clock.monotonic())
        self._settle()

    def _fire(self) -> None:
        self._timer = None
        # a loop may fire a hair early: to the node the time has come all the same, or it would be set anew at once
        self.node.handle_timer(max(self._clock.monotonic(), self._deadline))
        self._settle()

    def _settle(self) -> None:
        """After every call into the node: send, tell, and set the timer anew if it must fire earlier.

        One that fires too early costs less than one set anew for every datagram: the node does nothing, and it is set.
        """
        self._datagrams.send(self.node.datagrams_to_send())
        while (event := self.node.next_event()) is not None:
            self._tell(event)
        deadline = self.node.next_deadline()
        if self._timer is None or deadline < self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._deadline = deadline
            self._timer = self._loop.call_later(max(0.0, deadline - self._clock.monotonic()), self._fire)

    def _tell(self, event: Event) -> None:
        if isinstance(event, BootstrapNeeded):
            self._wish()
        elif isinstance(event, ExternalAddressChanged):
            log.info("other nodes agree on our address", extra={"host": event.host})
        elif isinstance(event, HeardOfOthers):
            if self._beside is not None:
                self._beside.hear_of(event.contacts)
        elif (future := self._waiting.get(event.operation)) is not None and not future.done():
            future.set_result(event)

    def _close(self) -> None:
        self._loop.remove_reader(self._sock)
        if self._timer is not None:
            self._timer.cancel()
        for operation, future in self._waiting.items():
            if not future.done():
                future.set_result(Isolated(operation))


@contextmanager
def side_by_side(one: Driver, other: Driver) -> Iterator[None]:
    """Two nodes of different families, each speaking for the other until the block ends (BEP 32)."""
    one.stand_beside(other)
    other.stand_beside(one)
    try:
        yield
    finally:
        one.stand_beside(None)
        other.stand_beside(None)
