"""Whatever arrives is a message or a WireError; whatever we write is canonical, and read back as what was meant."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.dht_node.core.compose import Replies, encode_query, nodes_member
from services.dht_node.core.errors import WireError
from services.dht_node.core.family import V4, V6, Family
from services.dht_node.core.messages import (
    AnnouncePeer,
    ErrorReply,
    FindNode,
    Get,
    GetPeers,
    Item,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
    Scrape,
)
from services.dht_node.core.wire import MAX_NODES, MAX_PEERS, MAX_TOKEN, MAX_TRANSACTION, parse
from shared.format import bencode
from shared.format.bep44 import MAX_SEQ

VERSION = b"SC\x00\x01"


def binary(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


ids = binary(20)
transactions = st.binary(min_size=1, max_size=MAX_TRANSACTION)
tokens = st.binary(max_size=MAX_TOKEN)
seqs = st.integers(0, MAX_SEQ)
bencodable = st.recursive(
    st.binary(max_size=40) | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=5), inner, max_size=3),
    max_leaves=6,
)
values = bencodable.map(bencode.encode)
salts = st.binary(max_size=70)
immutable_puts = st.tuples(tokens, values).map(lambda fields: Put(*fields))
mutable_puts = st.tuples(tokens, values, binary(32), binary(64), seqs, salts, st.none() | seqs).map(Put._make)
scrapes = st.one_of(
    st.tuples(ids, st.booleans()).map(lambda row: Scrape(row[0], no_seeds=row[1])),
    ids.map(lambda info_hash: Scrape(info_hash, filters=False, no_seeds=True)),
)
arguments = st.one_of(
    st.just(Ping()),
    ids.map(FindNode),
    ids.map(GetPeers),
    ids.map(SampleInfohashes),
    scrapes,
    st.tuples(ids, st.none() | st.integers(1, 65535), tokens, st.booleans()).map(AnnouncePeer._make),
    st.tuples(ids, st.none() | seqs, st.none() | tokens).map(Get._make),
    immutable_puts,
    mutable_puts,
)
wants = st.sampled_from([(), (b"n4",), (b"n6",), (b"n4", b"n6")])
queries = st.tuples(transactions, ids, arguments, st.booleans(), wants).map(Query._make)
items = values.map(Item) | st.tuples(values, binary(32), binary(64), seqs).map(Item._make)
counts = st.integers(0, MAX_NODES)
families = st.sampled_from([V4, V6])


def canonical(datagram: bytes) -> bytes:
    """What the general encoder makes of the same content."""
    return bencode.encode(bencode.decode(datagram))


@given(queries)
def test_a_query_comes_back_as_it_was(query: Query) -> None:
    datagram = encode_query(query, VERSION)
    assert parse(datagram) == query
    assert canonical(datagram) == datagram


def compact_nodes(family: Family, count: int) -> bytes:
    return nodes_member(family, bytes(range(family.compact_node)) * count)


@given(ids, transactions, families, counts, tokens, items)
def test_a_reply_with_an_item(own: bytes, tid: bytes, family: Family, near: int, token: bytes, item: Item) -> None:
    asker = bytes(range(family.compact_peer))
    datagram = Replies(own, VERSION, family).item(tid, asker, compact_nodes(family, near), token, item)
    reply = parse(datagram)
    assert isinstance(reply, Reply)
    assert (reply.transaction, reply.sender, reply.external_ip) == (tid, own, asker)
    assert (reply.value, reply.token, len(reply.nodes_of(family))) == (item.value, token, near)
    assert reply.public_key == item.public_key
    assert (reply.signature or b"", reply.seq or 0) == (item.signature, item.seq)
    assert canonical(datagram) == datagram


@given(ids, transactions, families, counts, tokens, st.integers(0, MAX_PEERS))
def test_the_other_replies(own: bytes, tid: bytes, family: Family, near: int, token: bytes, peers: int) -> None:
    replies, asker = Replies(own, VERSION, family), bytes(family.compact_peer)
    of_both = compact_nodes(V4, near) + compact_nodes(V6, near)
    written = [
        replies.acknowledgement(tid, asker),
        replies.nodes(tid, asker, of_both),
        replies.seq(tid, asker, of_both, token, 7),
        replies.peers(tid, asker, of_both, token, [asker] * peers),
        replies.scraped(replies.peers(tid, asker, of_both, token, [asker] * peers), bytes(256), b"\xff" * 256),
    ]
    read = [parse(datagram) for datagram in written]
    assert [canonical(datagram) for datagram in written] == written
    assert [(reply.transaction, reply.sender) for reply in read if isinstance(reply, Reply)] == [(tid, own)] * 5
    assert isinstance(read[3], Reply)
    assert len(read[3].peers) == peers
    assert len(read[3].nodes) == len(read[3].nodes6) == near
    assert read[4] == read[3]
    assert b"5:nodes" in written[3]


@given(transactions, st.integers(201, 302), st.binary(max_size=100))
def test_an_error(tid: bytes, code: int, sentence: bytes) -> None:
    datagram = Replies(bytes(20), VERSION, V4).error(tid, bytes(6), code, sentence)
    assert parse(datagram) == ErrorReply(tid, code, sentence, bytes(6))
    assert canonical(datagram) == datagram


def refuses_only_with_a_wire_error(datagram: bytes) -> None:
    try:
        message = parse(datagram)
    except WireError:
        return
    assert isinstance(message, (Query, Reply, ErrorReply))


@given(st.binary(max_size=300))
def test_any_bytes(datagram: bytes) -> None:
    refuses_only_with_a_wire_error(datagram)


@given(st.dictionaries(st.sampled_from([b"t", b"y", b"q", b"a", b"r", b"e", b"ip", b"ro"]), bencodable), st.data())
def test_any_dictionary_with_the_keys_of_krpc(message: dict[bytes, Any], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([b"q", b"r", b"e"]))
    refuses_only_with_a_wire_error(bencode.encode({b"t": b"aa"} | message | {b"y": kind}))


members = st.dictionaries(
    st.sampled_from(
        [
            *(b"target", b"info_hash", b"token", b"port", b"seed", b"noseed", b"scrape", b"nodes", b"values"),
            *(b"v", b"k", b"sig", b"seq", b"cas", b"salt"),
        ]
    ),
    bencodable | ids | binary(32) | binary(64),
)


@given(members, st.sampled_from([b"ping", b"find_node", b"get_peers", b"announce_peer", b"get", b"put", b"vote"]))
def test_any_members(body: dict[bytes, Any], method: bytes) -> None:
    whole = body | {b"id": bytes(20)}
    refuses_only_with_a_wire_error(bencode.encode({b"t": b"aa", b"y": b"q", b"q": method, b"a": whole}))
    refuses_only_with_a_wire_error(bencode.encode({b"t": b"aa", b"y": b"r", b"r": whole}))


@given(queries, st.data())
def test_a_damaged_datagram(query: Query, data: st.DataObject) -> None:
    datagram = bytearray(encode_query(query, VERSION))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(datagram) - 1))
        if data.draw(st.booleans()):
            datagram[at] = data.draw(st.integers(0, 255))
        else:
            datagram[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
        if not datagram:
            break
    refuses_only_with_a_wire_error(bytes(datagram))


def understood(datagram: bytes) -> Query | Reply | ErrorReply | tuple[str, bytes | None]:
    try:
        return parse(datagram)
    except WireError as error:
        return error.reason, error.transaction


usual_transactions = st.sampled_from([2, 4, 8]).flatmap(binary)
usual_arguments = st.just(Ping()) | ids.map(FindNode) | ids.map(GetPeers) | ids.map(Get)
usual_queries = st.tuples(usual_transactions, ids, usual_arguments, st.booleans(), st.just(())).map(Query._make)


@given(usual_queries, st.booleans())
def test_the_short_way_of_a_usual_query_leads_where_the_long_one_does(query: Query, versioned: bool) -> None:
    datagram = encode_query(query, VERSION)
    if not versioned:
        datagram = datagram.replace(b"1:v4:" + VERSION, b"")
    assert understood(datagram) == understood(datagram[:-1] + b"1:zi0ee") == query


@given(usual_queries, st.data())
def test_the_short_way_takes_nothing_that_the_long_one_refuses(query: Query, data: st.DataObject) -> None:
    datagram = bytearray(encode_query(query, VERSION))
    for _ in range(data.draw(st.integers(1, 2))):
        datagram[data.draw(st.integers(0, len(datagram) - 2))] = data.draw(st.sampled_from(b"0123456789:deilt"))
    taken = understood(bytes(datagram))
    # what both refuse they may refuse for different reasons: a changed length can swallow the key that is added
    if isinstance(taken, Query):
        assert understood(bytes(datagram[:-1]) + b"1:zi0ee") == taken
