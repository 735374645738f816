"""Slots of a Redis Cluster: which one a command's key is in, and which server has it (Redis Cluster specification)."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.bus.redis_connection import Command
from shared.settings import Endpoint

SLOTS = 16_384

_KEY_AT = {"EVAL": 3, "EVALSHA": 3, "XGROUP": 2, "XINFO": 2}
"""Where the key is not the first argument; the scripts' first key stands for all of them."""

_AFTER_STREAMS = frozenset({"XREAD", "XREADGROUP"})

_WITHOUT_KEY = frozenset({"CLIENT", "CLUSTER", "ECHO", "EXEC", "INFO", "MULTI", "PING"})


@dataclass(frozen=True, slots=True)
class Unit:
    """Commands that can't be parted: one, or a transaction with all that is in it."""

    slot: int | None
    """None: any server will do."""
    places: range
    """Of its commands in the pipeline."""
    commands: tuple[Command, ...]


def slot_of(key: bytes | str | int) -> int:
    """The slot of a key: CRC16 (XMODEM) of what is in its first braces, or else of all of it."""
    data = key if isinstance(key, bytes) else str(key).encode()
    opening = data.find(b"{")
    if opening >= 0:
        closing = data.find(b"}", opening + 1)
        if closing > opening + 1:
            data = data[opening + 1 : closing]
    return crc_hqx(data, 0) % SLOTS


def key_of(command: Command) -> bytes | str | int | None:
    """The first key of a command, or None when it has none. The other keys must be in the same slot."""
    name = str(command[0])
    if name in _WITHOUT_KEY:
        return None
    if name in _AFTER_STREAMS:
        return command[command.index("STREAMS") + 1]
    return command[_KEY_AT.get(name, 1)]


def units(commands: Sequence[Command]) -> Iterator[Unit]:
    """The commands as units, in their order."""
    start = 0
    while start < len(commands):
        end = start + 1
        if commands[start][0] == "MULTI":
            end = next(place for place in range(start, len(commands)) if commands[place][0] == "EXEC") + 1
        part = tuple(commands[start:end])
        keys = [key for key in map(key_of, part) if key is not None]
        yield Unit(slot_of(keys[0]) if keys else None, range(start, end), part)
        start = end


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who has which slots, as one server said."""

    masters: dict[int, Endpoint]
    """By slot."""
    servers: frozenset[Endpoint]
    """Everybody who can be asked, replicas too."""


def ownership(answer: Any, asked: Endpoint) -> Ownership:
    """Read the answer to CLUSTER SLOTS; a server without an address of its own is where we `asked`."""
    masters: dict[int, Endpoint] = {}
    servers: set[Endpoint] = set()
    for first, last, *nodes in answer:
        found = [_endpoint(node[0], node[1], asked) for node in nodes]
        servers.update(found)
        masters.update(dict.fromkeys(range(first, last + 1), found[0]))
    return Ownership(masters, frozenset(servers))


def redirection(text: str, asked: Endpoint) -> tuple[int, Endpoint]:
    """Slot and server of a refusal like `MOVED 3999 127.0.0.1:6381`."""
    _, slot, where = text.split(" ")[:3]
    host, _, port = where.rpartition(":")
    return int(slot), _endpoint(host.encode(), int(port), asked)


def _endpoint(host: bytes | None, port: int, asked: Endpoint) -> Endpoint:
    known = host.decode() if host and host != b"?" else asked.host
    return Endpoint(known.removeprefix("[").removesuffix("]"), port)
