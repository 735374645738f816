"""Many datagrams in one system call, where the system can: recvmmsg(2) and sendmmsg(2) of Linux, by way of ctypes.

A node that answers strangers spends more time in the kernel than anywhere else. A batch saves a third of a microsecond
for each datagram there, and as much again here: addresses stay the bytes that the kernel writes, and only a host never
seen of late is turned into text. `PlainSocket` does the same one by one, wherever there is a socket.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

from services.dht_node.core.contact import ADDRESS_CACHE, Address
from services.dht_node.core.messages import Addressed

BURST = 64
"""Datagrams read for one wake-up: about a third of a millisecond of work."""
RECEIVE_BYTES = 2112
"""More than `NodeConfig.datagram_max`, so that the node sees that a datagram was too large; no power of two, as the
beginnings of all slots would compete for the same lines of the cache."""

_SEND_FAILURE_OF = {
    errno.EAGAIN: "would_block",
    errno.ENOBUFS: "no_buffers",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.EPERM: "forbidden",
}
SEND_FAILURES = (*dict.fromkeys(_SEND_FAILURE_OF.values()), "other")
"""Why the socket did not take a datagram: the closed list that metrics count by."""


class Datagrams(Protocol):
    """A socket that never blocks, and never fails: UDP may lose any datagram."""

    send_failures: Counter[str]
    """By reason out of SEND_FAILURES."""

    def receive(self) -> list[Addressed]:
        """At most BURST of the datagrams that have arrived, each with its source."""
        ...

    def send(self, datagrams: Sequence[Addressed]) -> None:
        """Send in order what the socket takes; the others are lost, as waiting for room would delay them all."""
        ...


def datagrams_of(sock: socket.socket) -> Datagrams:
    """The fastest way to use a non-blocking UDP socket that this system has."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(libc, "recvmmsg") and hasattr(libc, "sendmmsg"):
            return BatchedSocket(sock, libc)
    return PlainSocket(sock)


class PlainSocket:
    """One system call for each datagram."""

    def __init__(self, sock: socket.socket) -> None:
        self.send_failures: Counter[str] = Counter()
        self._sock = sock

    def receive(self) -> list[Addressed]:
        """See `Datagrams`."""
        arrived: list[Addressed] = []
        for _ in range(BURST):
            try:
                data, source = self._sock.recvfrom(RECEIVE_BYTES)
            except BlockingIOError:
                break
            except OSError:  # an ICMP error of an earlier datagram; the lookups time out by themselves
                continue
            arrived.append((data, source[:2]))
        return arrived

    def send(self, datagrams: Sequence[Addressed]) -> None:
        """See `Datagrams`."""
        for data, destination in datagrams:
            try:
                self._sock.sendto(data, destination)
            except OSError as error:
                self.send_failures[_SEND_FAILURE_OF.get(error.errno or 0, "other")] += 1


_MESSAGE = struct.Struct("@PIPNPNi0PI0P")
"""`struct mmsghdr` (recvmmsg(2)): name, its size, parts, their number, control, its size, flags, and bytes received."""
_RECEIVED_AT = struct.calcsize("@PIPNPNi0P")
_PART = struct.Struct("@PN")
"""`struct iovec` (readv(2)): address and size of the data."""


class _Slots:
    """Room for BURST messages, described to the kernel once and for all."""

    def __init__(self, name_size: int) -> None:
        self.data = _buffer(RECEIVE_BYTES)
        self.names = _buffer(name_size)
        self.messages = _buffer(_MESSAGE.size)
        self._parts = _buffer(_PART.size)
        data, names, parts = map(ctypes.addressof, (self.data, self.names, self._parts))
        for slot in range(BURST):
            _PART.pack_into(self._parts, slot * _PART.size, data + slot * RECEIVE_BYTES, RECEIVE_BYTES)
            name, part = names + slot * name_size, parts + slot * _PART.size
            _MESSAGE.pack_into(self.messages, slot * _MESSAGE.size, name, name_size, part, 1, 0, 0, 0, 0)

    def sizes_received(self) -> memoryview:
        """The bytes that came, by slot."""
        words = memoryview(self.messages).cast("B").cast("I")
        return words[_RECEIVED_AT // words.itemsize :: _MESSAGE.size // words.itemsize]

    def sizes_to_send(self) -> memoryview:
        """The bytes to send, by slot."""
        return memoryview(self._parts).cast("B").cast("L")[1::2]


def _buffer(size: int) -> Any:
    """A thing of `size` bytes for each slot. Any: a slice of it is bytes, which typeshed does not know."""
    return (ctypes.c_char * (BURST * size))()


class BatchedSocket:
    """One system call for up to BURST datagrams, IPv4 or IPv6 as the socket is."""

    def __init__(self, sock: socket.socket, libc: ctypes.CDLL) -> None:
        self.send_failures: Counter[str] = Counter()
        self._fd = sock.fileno()
        self._recvmmsg, self._sendmmsg = libc.recvmmsg, libc.sendmmsg
        self._address, self._name, size = _NAMES[sock.family]
        self._spans = [slice(at, at + size) for at in range(0, BURST * size, size)]
        self._starts = range(0, BURST * RECEIVE_BYTES, RECEIVE_BYTES)
        self._arriving, self._leaving = _Slots(size), _Slots(size)
        self._received = self._arriving.sizes_received()
        self._data = memoryview(self._leaving.data).cast("B")
        self._names = memoryview(self._leaving.names).cast("B")
        self._sizes = self._leaving.sizes_to_send()

    def receive(self) -> list[Addressed]:
        """See `Datagrams`."""
        slots, address = self._arriving, self._address
        count = self._recvmmsg(self._fd, slots.messages, BURST, socket.MSG_DONTWAIT, None)
        if count <= 0:
            return []
        data, names = slots.data, slots.names
        return [
            (data[at : at + size], address(names[span]))
            for at, span, size in zip(self._starts, self._spans, self._received[:count], strict=False)
        ]

    def send(self, datagrams: Sequence[Addressed]) -> None:
        """See `Datagrams`."""
        for first in range(0, len(datagrams), BURST):
            self._send(datagrams[first : first + BURST])

    def _send(self, datagrams: Sequence[Addressed]) -> None:
        content, names, sizes, name = self._data, self._names, self._sizes, self._name
        for slot, (data, destination) in enumerate(datagrams):
            at, size = slot * RECEIVE_BYTES, len(data)
            content[at : at + size] = data
            names[self._spans[slot]] = name(destination)
            sizes[slot] = size
        self._flush(len(datagrams))

    def _flush(self, count: int) -> None:
        """Hand the slots to the kernel; it stops at one that it does not take, and says why when that one is first."""
        done = 0
        while done < count:
            messages = ctypes.byref(self._leaving.messages, done * _MESSAGE.size)
            taken = self._sendmmsg(self._fd, messages, count - done, socket.MSG_DONTWAIT)
            if taken < 0:
                self.send_failures[_SEND_FAILURE_OF.get(ctypes.get_errno(), "other")] += 1
            done += max(taken, 1)


# --- socket names, as bytes: `struct sockaddr_in` (ip(7)) and `struct sockaddr_in6` (ipv6(7))

_NAME_4 = struct.Struct("=H2s4s8x")
_NAME_6 = struct.Struct("=H2s4x16s4x")


@lru_cache(maxsize=ADDRESS_CACHE)
def _address_4(name: bytes) -> Address:
    _, port, ip = _NAME_4.unpack(name)
    return socket.inet_ntop(socket.AF_INET, ip), int.from_bytes(port, "big")


@lru_cache(maxsize=ADDRESS_CACHE)
def _name_4(address: Address) -> bytes:
    host, port = address
    return _NAME_4.pack(socket.AF_INET, port.to_bytes(2, "big"), socket.inet_pton(socket.AF_INET, host))


@lru_cache(maxsize=ADDRESS_CACHE)
def _address_6(name: bytes) -> Address:
    _, port, ip = _NAME_6.unpack(name)
    return socket.inet_ntop(socket.AF_INET6, ip), int.from_bytes(port, "big")


@lru_cache(maxsize=ADDRESS_CACHE)
def _name_6(address: Address) -> bytes:
    host, port = address
    return _NAME_6.pack(socket.AF_INET6, port.to_bytes(2, "big"), socket.inet_pton(socket.AF_INET6, host))


_NAMES = {
    socket.AF_INET: (_address_4, _name_4, _NAME_4.size),
    socket.AF_INET6: (_address_6, _name_6, _NAME_6.size),
}
