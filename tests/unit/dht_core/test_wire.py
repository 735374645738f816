"""Golden datagrams (BEP 5's and BEP 44's own examples, and what real nodes send), and every reason to refuse one."""

from __future__ import annotations

from typing import Any

import pytest

from services.dht_node.core.contact import Contact
from services.dht_node.core.errors import Rejection, WireError
from services.dht_node.core.messages import (
    AnnouncePeer,
    ErrorReply,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    Query,
    Reply,
    Scrape,
)
from services.dht_node.core.wire import MAX_NODES, MAX_PEERS, parse
from shared.format import bencode

ID = b"abcdefghij0123456789"
TARGET = b"mnopqrstuvwxyz123456"
KEY = bytes(range(32))
SIGNATURE = bytes(range(64))
NESTED: list[Any] = []
for _ in range(12):
    NESTED = [NESTED]


def query(method: bytes = b"ping", **members: Any) -> bytes:
    arguments = {b"id": ID} | {name.encode(): value for name, value in members.items()}
    return bencode.encode({b"t": b"aa", b"y": b"q", b"q": method, b"a": arguments})


def reply(**members: Any) -> bytes:
    body = {b"id": ID} | {name.encode(): value for name, value in members.items()}
    return bencode.encode({b"t": b"aa", b"y": b"r", b"r": body})


def put(**members: Any) -> bytes:
    return query(b"put", **({"token": b"tk", "v": b"x", "k": KEY, "sig": SIGNATURE, "seq": 1} | members))


GOLDEN = {
    b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe": Query(b"aa", ID, Ping()),
    b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe": Query(
        b"aa", ID, FindNode(TARGET)
    ),
    b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe": Query(
        b"aa", ID, GetPeers(TARGET)
    ),
    b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnth"
    b"e1:q13:announce_peer1:t2:aa1:y1:qe": Query(b"aa", ID, AnnouncePeer(TARGET, None, b"aoeusnth")),
    b"d1:rd2:id20:abcdefghij0123456789e1:t2:aa1:y1:re": Reply(b"aa", ID),
    b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re": Reply(
        b"aa", ID, token=b"aoeusnth", peers=(("97.120.106.101", 11893), ("105.100.104.116", 28269))
    ),
    b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee": ErrorReply(b"aa", 201, b"A Generic Error Ocurred"),
}


@pytest.mark.parametrize(("datagram", "message"), GOLDEN.items())
def test_the_examples_of_bep_5(datagram: bytes, message: Query | Reply | ErrorReply) -> None:
    assert parse(datagram) == message


def test_an_announcement_of_a_port() -> None:
    datagram = query(b"announce_peer", info_hash=TARGET, port=6881, token=b"t", implied_port=0)
    assert parse(datagram) == Query(b"aa", ID, AnnouncePeer(TARGET, 6881, b"t"))


def test_an_announcement_of_a_seed() -> None:
    datagram = query(b"announce_peer", info_hash=TARGET, port=6881, token=b"t", seed=1)
    assert parse(datagram) == Query(b"aa", ID, AnnouncePeer(TARGET, 6881, b"t", seed=True))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"scrape": 1}, Scrape(TARGET, filters=True, no_seeds=False)),
        ({"noseed": 1}, Scrape(TARGET, filters=False, no_seeds=True)),
        ({"noseed": 1, "scrape": 1}, Scrape(TARGET, filters=True, no_seeds=True)),
        ({"noseed": 0, "scrape": b"1"}, GetPeers(TARGET)),
    ],
)
def test_a_get_peers_with_what_bep_33_adds(members: dict[str, Any], message: Scrape | GetPeers) -> None:
    assert parse(query(b"get_peers", info_hash=TARGET, **members)) == Query(b"aa", ID, message)


def test_a_get_with_and_without_seq() -> None:
    assert parse(query(b"get", target=TARGET)) == Query(b"aa", ID, Get(TARGET))
    assert parse(query(b"get", target=TARGET, seq=7)) == Query(b"aa", ID, Get(TARGET, 7))


def test_a_mutable_put_with_everything() -> None:
    message = parse(put(salt=b"salt", cas=3, seq=4, v=[1, {b"a": b"b"}]))
    assert message == Query(b"aa", ID, Put(b"tk", b"li1ed1:a1:bee", KEY, SIGNATURE, 4, b"salt", 3))


def test_an_immutable_put_may_carry_a_seq() -> None:
    assert parse(query(b"put", token=b"tk", v=b"x", seq=0)) == Query(b"aa", ID, Put(b"tk", b"1:x"))


def test_a_read_only_asker() -> None:
    datagram = bencode.encode({b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {b"id": ID}, b"ro": 1})
    assert parse(datagram) == Query(b"aa", ID, Ping(), read_only=True)


@pytest.mark.parametrize("member", ["target", "info_hash"])
def test_an_unknown_query_with_a_target_is_a_find_node(member: str) -> None:
    assert parse(query(b"find_something", **{member: TARGET})) == Query(b"aa", ID, FindNode(TARGET))


def test_a_get_reply_with_everything() -> None:
    packed = TARGET + bytes([1, 2, 3, 4, 0x1A, 0xE1])
    datagram = bencode.encode(
        {
            b"ip": bytes([9, 8, 7, 6, 0, 80]),
            b"t": b"aa",
            b"y": b"r",
            b"v": b"LT\x01\x02",
            b"r": {b"id": ID, b"nodes": packed, b"token": b"tk", b"k": KEY, b"sig": SIGNATURE, b"seq": 4, b"v": 5},
        }
    )
    contact = Contact(TARGET, ("1.2.3.4", 6881))
    assert parse(datagram) == Reply(
        b"aa", ID, (contact,), b"tk", (), b"i5e", KEY, SIGNATURE, 4, bytes([9, 8, 7, 6, 0, 80])
    )


def test_unsorted_keys_are_understood_and_a_value_stays_as_it_was_sent() -> None:
    datagram = b"d1:y1:r1:t2:aa1:rd1:vd1:bi1e1:ai2ee2:id20:abcdefghij0123456789ee"
    assert parse(datagram) == Reply(b"aa", ID, value=b"d1:bi1e1:ai2ee")


def test_unknown_keys_are_passed_over() -> None:
    assert parse(query(b"ping", x=[1], zz={b"y": 1})) == Query(b"aa", ID, Ping())


def test_a_truncated_transaction_id_is_one_all_the_same() -> None:
    assert parse(b"d1:rd2:id20:abcdefghij0123456789e1:t1:a1:y1:re") == Reply(b"a", ID)


def test_a_truncated_last_contact_is_passed_over() -> None:
    message = parse(reply(nodes=bytes(26) + bytes(25)))
    assert isinstance(message, Reply)
    assert len(message.nodes) == 1


def test_thousands_of_contacts_and_peers_are_cut_short() -> None:
    message = parse(reply(nodes=bytes(26 * 1000), values=[bytes(6)] * 1000))
    assert isinstance(message, Reply)
    assert len(message.nodes) == MAX_NODES
    assert len(message.peers) == MAX_PEERS


def test_peers_of_another_form_are_passed_over() -> None:
    message = parse(reply(values=[bytes(18), bytes(6), bytes(7), 5]))
    assert isinstance(message, Reply)
    assert message.peers == (("::", 0), ("0.0.0.0", 0))


def test_an_external_ip_of_a_wrong_form_is_as_if_not_sent() -> None:
    message = parse(bencode.encode({b"t": b"aa", b"y": b"r", b"r": {b"id": ID}, b"ip": bytes(5)}))
    assert message == Reply(b"aa", ID)


@pytest.mark.parametrize("code", [-1, 1000, 2**64, 10**40])
def test_an_error_code_that_nobody_could_have_meant_is_a_generic_error(code: int) -> None:
    assert parse(b"d1:eli%dee1:t2:aa1:y1:ee" % code) == ErrorReply(b"aa", 201, b"")


def test_an_error_code_of_other_implementations_stays_what_it_is() -> None:
    assert parse(b"d1:eli400ee1:t2:aa1:y1:ee") == ErrorReply(b"aa", 400, b"")


def test_an_error_without_a_sentence() -> None:
    assert parse(b"d1:eli203ee1:t2:aa1:y1:ee") == ErrorReply(b"aa", 203, b"")


NO_ANSWER = {
    "empty": (b"", Rejection.NOT_BENCODE),
    "torn": (b"d1:ad2:id20:abc", Rejection.NOT_BENCODE),
    "trailing": (query() + b"x", Rejection.NOT_BENCODE),
    "deep": (b"l" * 500 + b"e" * 500, Rejection.NOT_BENCODE),
    "deep in a key nobody reads": (query(x=NESTED), Rejection.NOT_BENCODE),
    "list": (b"le", Rejection.NOT_KRPC),
    "number": (b"i5e", Rejection.NOT_KRPC),
    "no y": (b"d1:t2:aae", Rejection.NOT_KRPC),
    "unknown y": (b"d1:t2:aa1:y1:ze", Rejection.NOT_KRPC),
    "no t": (b"d1:y1:qe", Rejection.BAD_TRANSACTION_ID),
    "empty t": (b"d1:t0:1:y1:qe", Rejection.BAD_TRANSACTION_ID),
    "long t": (b"d1:t21:%b1:y1:qe" % bytes(21), Rejection.BAD_TRANSACTION_ID),
    "number for t": (b"d1:ti5e1:y1:qe", Rejection.BAD_TRANSACTION_ID),
    "reply without r": (b"d1:t2:aa1:y1:re", Rejection.MALFORMED_REPLY),
    "reply without id": (b"d1:rde1:t2:aa1:y1:re", Rejection.MALFORMED_REPLY),
    "nodes not a string": (reply(nodes=5), Rejection.MALFORMED_REPLY),
    "values not a list": (reply(values=b"abcdef"), Rejection.MALFORMED_REPLY),
    "long token": (reply(token=bytes(65)), Rejection.MALFORMED_REPLY),
    "short key": (reply(k=bytes(31)), Rejection.MALFORMED_REPLY),
    "short signature": (reply(sig=bytes(63)), Rejection.MALFORMED_REPLY),
    "negative seq": (reply(seq=-1), Rejection.MALFORMED_REPLY),
    "seq over 63 bits": (reply(seq=2**63), Rejection.MALFORMED_REPLY),
    "error not a list": (b"d1:e1:x1:t2:aa1:y1:ee", Rejection.MALFORMED_REPLY),
    "error without a code": (b"d1:ele1:t2:aa1:y1:ee", Rejection.MALFORMED_REPLY),
}


@pytest.mark.parametrize(("datagram", "reason"), NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_is_dropped(datagram: bytes, reason: Rejection) -> None:
    with pytest.raises(WireError) as refused:
        parse(datagram)
    assert refused.value.reason is reason
    assert refused.value.transaction is None


ANSWERED_WITH_AN_ERROR = {
    "no arguments": (b"d1:q4:ping1:t2:aa1:y1:qe", Rejection.MALFORMED_QUERY),
    "short id": (query(b"ping", id=b"short"), Rejection.MALFORMED_QUERY),
    "method not a string": (b"d1:ad2:id20:abcdefghij0123456789e1:qi5e1:t2:aa1:y1:qe", Rejection.MALFORMED_QUERY),
    "unknown method": (query(b"vote"), Rejection.UNKNOWN_METHOD),
    "unknown method, bad target": (query(b"vote", target=b"x"), Rejection.MALFORMED_QUERY),
    "find_node without target": (query(b"find_node"), Rejection.MALFORMED_QUERY),
    "short info_hash": (query(b"get_peers", info_hash=b"x"), Rejection.MALFORMED_QUERY),
    "seq not a number": (query(b"get", target=TARGET, seq=b"1"), Rejection.MALFORMED_QUERY),
    "announce without port": (query(b"announce_peer", info_hash=TARGET, token=b"t"), Rejection.MALFORMED_QUERY),
    "announce of port 0": (query(b"announce_peer", info_hash=TARGET, token=b"t", port=0), Rejection.MALFORMED_QUERY),
    "announce without token": (query(b"announce_peer", info_hash=TARGET, port=1), Rejection.MALFORMED_QUERY),
    "put without token": (query(b"put", v=b"x"), Rejection.MALFORMED_QUERY),
    "put without v": (query(b"put", token=b"t"), Rejection.MALFORMED_QUERY),
    "k without sig": (query(b"put", token=b"t", v=b"x", k=KEY, seq=1), Rejection.MALFORMED_QUERY),
    "sig without k": (query(b"put", token=b"t", v=b"x", sig=SIGNATURE, seq=1), Rejection.MALFORMED_QUERY),
    "short k": (put(k=KEY[1:]), Rejection.MALFORMED_QUERY),
    "long sig": (put(sig=SIGNATURE + b"x"), Rejection.MALFORMED_QUERY),
    "mutable without seq": (
        query(b"put", token=b"t", v=b"x", k=KEY, sig=SIGNATURE),
        Rejection.MALFORMED_QUERY,
    ),
    "negative put seq": (put(seq=-1), Rejection.MALFORMED_QUERY),
    "cas not a number": (put(cas=b"1"), Rejection.MALFORMED_QUERY),
    "salt not a string": (put(salt=1), Rejection.MALFORMED_QUERY),
}


@pytest.mark.parametrize(("datagram", "reason"), ANSWERED_WITH_AN_ERROR.values(), ids=ANSWERED_WITH_AN_ERROR)
def test_what_a_query_is_refused_for(datagram: bytes, reason: Rejection) -> None:
    with pytest.raises(WireError) as refused:
        parse(datagram)
    assert refused.value.reason is reason
    assert refused.value.transaction == b"aa"
