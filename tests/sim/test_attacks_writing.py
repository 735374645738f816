"""Attacks by those who write to a node: each is tried, and counted as repelled. Over the core, at public addresses."""

from __future__ import annotations

from dataclasses import replace

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import ErrorReply, Get, GetPeers, Put, Reply
from shared.format import bencode, bep44
from shared.format.bep44 import MAX_SEQ
from tests.support.nodes import Author
from tests.support.public_node import PublicNode, at

FLOODER = 7
PUTS = 10_000
UNHURRIED = NodeConfig(contact_quarantine=0.0, inbound_rate=0.0, egress_rate=0.0, egress_network_rate=0.0)
"""Limits on queries and bytes are off: a quota must hold by itself."""


def value(number: int) -> bytes:
    return bep44.bencode_string(b"item %d" % number)


def flood(public: PublicNode) -> int:
    """Ten thousand different items from one /24, as if its flooder could send as fast as he likes; how many stay."""
    before = public.node.stored_items
    for number in range(PUTS):
        public.put_immutable(value(PUTS + number), at(FLOODER, number % 250 + 1))
    return public.node.stored_items - before


def test_a_forged_token_writes_nothing() -> None:
    public, author = PublicNode(), Author()
    theirs = public.get(author.target, at(1)).token
    assert theirs is not None
    version = author.version(1)
    forged = [bytes(8), theirs[::-1], bytes(byte ^ 1 for byte in theirs), theirs + b"\x00", b""]
    for token in forged:
        assert isinstance(public.ask(version.arguments(token, None), at(1)), ErrorReply)
    assert public.node.stored_items == public.verified == 0
    assert public.node.stats.rejected == {Rejection.BAD_TOKEN: len(forged)}


def test_a_token_replayed_elsewhere_or_later_writes_nothing() -> None:
    public, author = PublicNode(), Author()
    token = public.get(author.target, at(1)).token or b""
    elsewhere = [at(2), at(1, 2)]
    for source in elsewhere:
        assert isinstance(public.ask(author.version(1).arguments(token, None), source), ErrorReply)
    other = Author(2).version(1)
    assert isinstance(public.ask(other.arguments(token, None), at(1)), ErrorReply)
    public.now = 601.0
    public.node.handle_timer(public.now)
    assert isinstance(public.ask(author.version(1).arguments(token, None), at(1)), ErrorReply)
    assert public.node.stored_items == public.verified == 0


def test_bad_signatures_in_bulk_cost_a_bounded_number_of_verifications() -> None:
    public, author = PublicNode(UNHURRIED), Author()
    token = {host: public.get(author.target, at(FLOODER, host)).token or b"" for host in range(1, 251)}
    bad = replace(author.version(1), signature=bytes(64))
    for number in range(PUTS):
        public.now = number / 1000
        host = number % 250 + 1
        assert isinstance(public.ask(bad.arguments(token[host], None), at(FLOODER, host)), ErrorReply)
    config = NodeConfig()
    assert public.verified <= config.verification_burst + 10 * config.verification_rate + 1
    assert public.node.stats.rejected[Rejection.BAD_SIGNATURE] == public.verified
    assert public.node.stats.rejected[Rejection.VERIFICATION_LIMITED] == PUTS - public.verified
    assert isinstance(public.put(author.version(1), at(1)), Reply)


def test_bad_signatures_from_everywhere_cost_a_bounded_number_of_verifications() -> None:
    config = replace(UNHURRIED, verification_total_rate=100.0, verification_total_burst=100.0)
    public, author = PublicNode(config), Author()
    bad = replace(author.version(1), signature=bytes(64))
    for network in range(1000):
        public.put(bad, at(network))
    assert public.verified == 100


def test_cheap_checks_come_before_the_signature() -> None:
    public, author = PublicNode(), Author()
    public.put(author.version(5), at(1))
    assert public.verified == 1
    for worthless in (author.version(4), author.version(5, b"other"), author.version(6, bytes(997))):
        assert isinstance(public.put(worthless, at(1)), ErrorReply)
    assert isinstance(public.put(author.version(6), at(1), cas=4), ErrorReply)
    assert isinstance(public.put(author.version(5), at(1)), Reply)
    assert public.verified == 1


def test_a_flood_of_puts_from_one_network_evicts_nothing_of_others() -> None:
    public = PublicNode(UNHURRIED)
    for number in range(1000):
        assert isinstance(public.put_immutable(value(number), at(1000 + number)), Reply)
    assert flood(public) == 1000
    assert all(public.get(bep44.immutable_target(value(number)), at(1)).value for number in range(1000))
    assert public.node.stats.rejected[Rejection.STORE_FULL] == PUTS - 1000


def test_a_flood_of_puts_into_a_full_store_evicts_nothing_of_others() -> None:
    public = PublicNode(replace(UNHURRIED, items_max=500))
    for number in range(500):
        assert isinstance(public.put_immutable(value(number), at(1000 + number)), Reply)
    assert flood(public) == 0
    assert all(public.get(bep44.immutable_target(value(number)), at(1)).value for number in range(500))


def test_a_flooder_within_all_limits_stores_little_of_his_flood() -> None:
    public = PublicNode()
    for number in range(2000):
        public.now = number / 200
        public.ask(Get(bytes(20)), at(FLOODER, number % 250 + 1))
        public.ask(Put(b"guess", value(number)), at(FLOODER, number % 250 + 1))
    assert public.node.stored_items == 0
    assert public.node.stats.rejected[Rejection.BAD_TOKEN] + public.node.stats.rejected[Rejection.RATE_LIMITED] == 2000


def test_a_flood_of_announcements_from_one_network_displaces_no_swarm_of_others() -> None:
    public = PublicNode(UNHURRIED)
    swarms = [bytes([number]) * 20 for number in range(200)]
    for number, info_hash in enumerate(swarms):
        announce(public, info_hash, 100 + number)
    for number in range(3000):
        announce(public, number.to_bytes(20, "big"), FLOODER, number % 250 + 1)
    for number, info_hash in enumerate(swarms):
        found = public.ask(GetPeers(info_hash), at(1))
        assert isinstance(found, Reply)
        assert at(100 + number) in found.peers


def announce(public: PublicNode, info_hash: bytes, network: int, host: int = 1) -> None:
    found = public.ask(GetPeers(info_hash), at(network, host))
    assert isinstance(found, Reply)
    query = {b"id": bytes(20), b"info_hash": info_hash, b"port": 6881, b"token": found.token}
    message = {b"t": b"aa", b"y": b"q", b"q": b"announce_peer", b"a": query}
    public.send(bencode.encode(message), at(network, host))


def test_the_highest_seq_is_stored_and_one_above_it_is_malformed() -> None:
    public, author = PublicNode(), Author()
    last = author.version(MAX_SEQ)
    assert isinstance(public.put(last, at(1)), Reply)
    assert public.get(author.target, at(1)).seq == MAX_SEQ
    token = public.get(author.target, at(1)).token or b""
    above = public.ask(replace(last, seq=MAX_SEQ + 1).arguments(token, None), at(1))
    assert isinstance(above, ErrorReply)
    assert above.code == 203
    assert public.get(author.target, at(1)).signature == last.signature
    public.now = 7_201.0
    assert public.get(author.target, at(1)).value is None
