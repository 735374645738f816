"""Both ways of using a socket do the same, on real UDP."""

from __future__ import annotations

import ctypes
import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address
from services.dht_node.net.datagrams import BURST, RECEIVE_BYTES, BatchedSocket, Datagrams, PlainSocket

Wrap = Callable[[socket.socket], Datagrams]


def batched(sock: socket.socket) -> Datagrams:
    return BatchedSocket(sock, ctypes.CDLL(None, use_errno=True))


WRAPS = [PlainSocket, pytest.param(batched, marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only"))]


@pytest.fixture(params=WRAPS)
def wrap(request: pytest.FixtureRequest) -> Wrap:
    made: Wrap = request.param
    return made


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two bound sockets of one family."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with ExitStack() as stack:
        one, other = (stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(2))
        for sock in (one, other):
            sock.settimeout(0)
            sock.bind((request.param, 0))
        yield one, other


def address(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return host, port


def wait_for(sock: socket.socket) -> None:
    assert select.select([sock], [], [], 5.0)[0]


def test_datagrams_arrive_in_order_with_their_source(wrap: Wrap, pair: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = wrap(pair[0]), wrap(pair[1])
    sent = [b"%d" % number * (number % 9) for number in range(BURST + 6)]
    sender.send([(data, address(pair[1])) for data in sent])
    wait_for(pair[1])
    assert [receiver.receive(), receiver.receive()] == [
        [(data, address(pair[0])) for data in sent[:BURST]],
        [(data, address(pair[0])) for data in sent[BURST:]],
    ]
    assert receiver.receive() == []
    assert not sender.send_failures


def test_what_is_too_large_is_seen_to_be(wrap: Wrap, pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendto(bytes(RECEIVE_BYTES + 900), pair[1].getsockname())
    wait_for(pair[1])
    assert len(wrap(pair[1]).receive()[0][0]) > NodeConfig().datagram_max


def test_what_can_not_be_sent_is_counted_and_holds_nothing_up(
    wrap: Wrap, pair: tuple[socket.socket, socket.socket]
) -> None:
    sender, receiver = wrap(pair[0]), wrap(pair[1])
    good = address(pair[1])
    sender.send([(b"lost", (good[0], 0)), (b"first", good), (b"lost", (good[0], 0)), (b"second", good)])
    wait_for(pair[1])
    assert [data for data, _ in receiver.receive()] == [b"first", b"second"]
    assert sender.send_failures == {"other": 2}
