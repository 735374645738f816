from __future__ import annotations

import pytest

from shared.bus import streams
from shared.bus.redis_connection import Command
from shared.bus.redis_slots import key_of, ownership, redirection, slot_of, units
from shared.settings import Endpoint

ASKED = Endpoint("10.0.0.1", 7000)


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        ("123456789", 0x31C3),  # the check value of the specification
        ("foo", 12182),
        ("{foo}bar", 12182),
        ("bar{foo}{zap}", 12182),
        ("foo{}{bar}", 8363),
        ("foo{{bar}}zap", 4015),
        (b"foo", 12182),
    ],
)
def test_the_slot_of_a_key_is_that_of_the_specification(key: bytes | str, slot: int) -> None:
    assert slot_of(key) == slot


def test_what_belongs_together_is_in_one_slot_and_partitions_are_spread() -> None:
    for shard in ("crypto", *streams.shards("dht")):
        assert slot_of(streams.requests(shard)) == slot_of(streams.dead_letters(shard))
    assert slot_of(streams.KEPT_DUE) == slot_of(streams.KEPT_TURNS) == slot_of(streams.kept(bytes(20)))
    assert slot_of(streams.FLEET_REPORTS) == slot_of(streams.FLEET_SEEN)
    assert slot_of(streams.budget("acme")) == slot_of(streams.budget("acme", "k"))
    thirds = {slot_of(streams.requests(shard)) * 3 // 16384 for shard in streams.shards("dht")}
    assert thirds == {0, 1, 2}


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("XADD", "k", "*", "a", "b"), "k"),
        (("XGROUP", "CREATE", "k", "g", "0"), "k"),
        (("XINFO", "GROUPS", "k"), "k"),
        (("EVAL", "return 1", 2, "k", "l"), "k"),
        (("XREADGROUP", "GROUP", "g", "me", "COUNT", 1, "BLOCK", 5, "STREAMS", "k", ">"), "k"),
        (("XREAD", "BLOCK", 5, "STREAMS", "k", "0"), "k"),
        (("CLIENT", "ID"), None),
        (("INFO", "server"), None),
    ],
)
def test_the_key_of_a_command(command: Command, key: str | None) -> None:
    assert key_of(command) == key


def test_a_transaction_is_not_parted() -> None:
    commands: list[Command] = [
        ("XLEN", "a"),
        ("MULTI",),
        ("XADD", "b", "*", "f", ""),
        ("PEXPIRE", "b", 1),
        ("EXEC",),
        ("PING",),
    ]
    parts = list(units(commands))
    assert [(part.slot, list(part.places)) for part in parts] == [
        (slot_of("a"), [0]),
        (slot_of("b"), [1, 2, 3, 4]),
        (None, [5]),
    ]
    assert sum((part.commands for part in parts), ()) == tuple(commands)


def test_the_map_is_read_and_a_server_without_an_address_is_where_we_asked() -> None:
    answer = [
        [0, 1, [b"10.0.0.2", 7001, b"id", []], [b"10.0.0.3", 7002, b"id", []]],
        [2, 2, [None, 7003, b"id", []]],
        [3, 3, [b"", 7004, b"id", []]],
    ]
    found = ownership(answer, ASKED)
    assert found.masters == {
        0: Endpoint("10.0.0.2", 7001),
        1: Endpoint("10.0.0.2", 7001),
        2: Endpoint("10.0.0.1", 7003),
        3: Endpoint("10.0.0.1", 7004),
    }
    assert Endpoint("10.0.0.3", 7002) in found.servers


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("MOVED 3999 127.0.0.1:6381", Endpoint("127.0.0.1", 6381)),
        ("ASK 3999 redis-2.example:6381", Endpoint("redis-2.example", 6381)),
        ("MOVED 3999 :6381", Endpoint("10.0.0.1", 6381)),
        ("MOVED 3999 ::1:6381", Endpoint("::1", 6381)),
    ],
)
def test_a_redirection_says_slot_and_server(text: str, where: Endpoint) -> None:
    assert redirection(text, ASKED) == (3999, where)
