"""Whatever arrives at a node in the middle of its work is answered or counted, and leaves nothing behind that grows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import corpus
from services.dht_node.core.config import Mode, NodeConfig
from services.dht_node.core.family import V6
from shared.format import bencode
from tests.support import golden
from tests.support.nodes import put
from tests.support.siege import CONFIG, Flood, Places, Siege

DATAGRAMS = 100_000
MODE_DATAGRAMS = 5_000
IPV6 = Places("2a00:{:x}::1", "2a01:{:x}::1", (("::1", 1), ("2a02::1", 0), ("ff02::1", 9), ("fe80::1", 6881)))
MODES: dict[str, tuple[NodeConfig, Places]] = {
    "lab": (replace(CONFIG, lab=True), Places()),
    "read-only": (replace(CONFIG, mode=Mode.READ_ONLY), Places()),
    "auto": (replace(CONFIG, mode=Mode.AUTO), Places()),
    "IPv6": (replace(CONFIG, family=V6), IPV6),
}
FULL_AFTER = 20_000
"""Datagrams after which every store of the node has come to its bound."""
BREATHING = 1.25
"""How much more may hang on a node at one moment than at another: what is in flight differs."""


def test_a_hundred_thousand_datagrams_leave_the_node_as_large_as_it_was() -> None:
    siege = Siege()
    flood = Flood(siege)
    flood.run(FULL_AFTER)
    full = siege.objects()
    flood.run(DATAGRAMS - FULL_AFTER)
    assert siege.objects() < BREATHING * full
    assert siege.node.stats.datagrams_received >= DATAGRAMS


@pytest.mark.parametrize("mode", MODES)
def test_datagrams_are_digested_in_every_mode(mode: str) -> None:
    config, places = MODES[mode]
    Flood(Siege(config=config, places=places)).run(MODE_DATAGRAMS)


def test_a_node_under_siege_still_does_its_work() -> None:
    siege = Siege()
    Flood(siege, seed=2).run(5_000)
    stranger = siege.strangers[0]
    answered = siege.deliver(golden.QUERIES["get"], stranger)
    assert bencode.decode(answered[0])[b"r"][b"v"]
    siege.begin(put(golden.AUTHOR.version(30)))
    assert siege.node.in_hand > 0


Damage = list[tuple[int, int, bytes]]
Arrival = tuple[str, int, Damage]

pieces = st.tuples(st.integers(0, 2000), st.integers(0, 20), st.binary(max_size=20))
"""Where a datagram is damaged, how much of it is taken out, and what is put in."""
damages = st.lists(pieces, max_size=3)
arrivals = st.tuples(st.sampled_from(sorted(golden.GOLDEN)), st.integers(0, 63), damages)


def damaged(data: bytes, damage: Damage) -> bytes:
    for at, size, piece in damage:
        place = at % (len(data) + 1)
        data = data[:place] + piece + data[place + size :]
    return data


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(arrivals, st.floats(0, 400)), min_size=1, max_size=12))
def test_any_sequence_of_damaged_datagrams(sequence: list[tuple[Arrival, float]]) -> None:
    siege = Siege(contacts=20, strangers=2)
    for (name, number, damage), pause in sequence:
        asked = siege.asked[number % len(siege.asked)]
        source = asked[1].address if name in golden.REPLIES else siege.strangers[0]
        siege.deliver(damaged(siege.filled(golden.GOLDEN[name], source, asked), damage), source)
        siege.pass_time(pause)
    siege.check()


def test_the_seeds_of_the_fuzzer_are_the_golden_datagrams() -> None:
    assert {path.name: path.read_bytes() for path in corpus.FOLDER.iterdir()} == corpus.seeds()


def test_a_peer_who_thinks_up_error_codes_does_not_make_us_count_each_of_them() -> None:
    siege = Siege()
    for code in range(10**40, 10**40 + 50):
        siege.begin_all()
        asked = siege.asked[-1]
        siege.deliver(siege.filled(golden.error(code, b""), asked[1].address, asked), asked[1].address)
        siege.pass_time(5.0)
    assert siege.node.stats.errors_received.total() >= 20
    assert len(siege.node.stats.errors_received) == 1
