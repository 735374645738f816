"""Everything that is ever written to a bus: its own MONITOR feed, as the bytes that were sent."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


class Feed:
    """What MONITOR said so far, unescaped."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        self._parts.append(part)

    def content(self) -> bytes:
        return _ESCAPE.sub(_unescaped, b"".join(self._parts))


@contextmanager
def watched_bus(url: str) -> Iterator[Feed]:
    """Record every command that reaches the server at `url` (unix://… or redis://host:port/…) while the block runs."""
    feed = Feed()
    with _connected(url) as connection:
        connection.sendall(b"MONITOR\r\n")
        assert connection.recv(16).startswith(b"+OK")

        def listen() -> None:
            while part := connection.recv(1 << 16):
                feed.add(part)

        thread = threading.Thread(target=listen, name="monitor")
        thread.start()
        try:
            yield feed
        finally:
            # the server says all that is left to say before it closes
            connection.sendall(b"QUIT\r\n")
            thread.join()


def _connected(url: str) -> socket.socket:
    address = urlsplit(url)
    if address.hostname is not None and address.port is not None:
        return socket.create_connection((address.hostname, address.port))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address.path)
    return connection


def _unescaped(match: re.Match[bytes]) -> bytes:
    what = match[1]
    return bytes.fromhex(what[1:].decode()) if what[:1] == b"x" and len(what) > 1 else _NAMED.get(what, what)
