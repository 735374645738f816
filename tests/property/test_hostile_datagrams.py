"""Whatever strangers send, a node digests it: it is counted or answered, and raises nothing."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from services.dht_node.core.compose import encode_query
from services.dht_node.core.errors import Rejection
from services.dht_node.core.messages import AnnouncePeer, FindNode, Get, GetPeers, Ping, Put, Query, Scrape
from services.dht_node.core.node import Node
from services.dht_node.net.verify import verify_ed25519
from shared.format import bencode
from tests.support.nodes import LAB, Author, address, contact, get, put

VERSION = Author().version(1)
KRPC = st.recursive(
    st.integers(-(2**70), 2**70) | st.binary(max_size=70) | st.sampled_from([bytes(20), b"a" * 26, b"get", b"r", b"q"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [b"t", b"y", b"q", b"a", b"r", b"e", b"id", b"target", b"nodes", b"token", b"v", b"k", b"ip"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
QUERIES = [
    encode_query(Query(b"tt", b"s" * 20, arguments), b"TE\0\0")
    for arguments in (
        Ping(),
        FindNode(bytes(20)),
        GetPeers(bytes(20)),
        Scrape(bytes(20), no_seeds=True),
        Get(VERSION.target),
        AnnouncePeer(bytes(20), 7000, b"token"),
        Put(b"token", VERSION.value, VERSION.public_key, VERSION.signature, 1, b"", 0),
    )
]


def busy_node() -> Node:
    """With a lookup and a put in flight, so that replies have something to go wrong with."""
    node = Node(LAB, entropy=Random(1).randbytes, verify=verify_ed25519, now=0.0)
    node.add_known([contact(distance) for distance in range(1, 9)], 0.0)
    put(VERSION)(node, 0.0)
    get(Author(2))(node, 0.0)
    return node


def accounted(node: Node) -> int:
    """Datagrams that were rejected, answered as a query, or taken as an answer."""
    stats = node.stats
    refusals_of_queries = {
        Rejection.BAD_TOKEN,
        Rejection.VALUE_TOO_BIG,
        Rejection.SALT_TOO_BIG,
        Rejection.BAD_SIGNATURE,
        Rejection.CAS_MISMATCH,
        Rejection.SEQ_TOO_LOW,
    }
    dropped = sum(count for reason, count in stats.rejected.items() if reason not in refusals_of_queries)
    return dropped + stats.queries_answered.total() + stats.queries_replied


@given(st.binary(max_size=2100))
@settings(max_examples=300, deadline=None)
def test_any_bytes(data: bytes) -> None:
    node = busy_node()
    node.receive_datagram(data, address(1), 0.1)
    assert accounted(node) == 1


@given(KRPC)
@settings(max_examples=300, deadline=None)
def test_any_bencode(value: object) -> None:
    node = busy_node()
    node.receive_datagram(bencode.encode(value), address(1), 0.1)
    assert accounted(node) == 1


@given(st.sampled_from(QUERIES), st.integers(0, 400), st.binary(max_size=6))
@settings(max_examples=300, deadline=None)
def test_queries_with_a_few_bytes_changed(query: bytes, place: int, change: bytes) -> None:
    node = busy_node()
    node.receive_datagram(query[:place] + change + query[place + len(change) :], address(1), 0.1)
    assert accounted(node) == 1


@given(KRPC, st.sampled_from([b"r", b"e"]))
@settings(max_examples=300, deadline=None)
def test_answers_to_our_own_queries_with_anything_in_them(body: object, kind: bytes) -> None:
    node = busy_node()
    for data, destination in node.datagrams_to_send():
        transaction = bencode.decode(data)[b"t"]
        node.receive_datagram(bencode.encode({b"t": transaction, b"y": kind, kind: body}), destination, 0.1)
    node.handle_timer(100.0)
    assert node.in_hand == 0
