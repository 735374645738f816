"""Datagrams as a node gets them, well formed and not quite: the seeds of every hostile one.

They are templates. What only a certain node accepts at a certain time stands in them as a mark of the same length: the
id of a query that it has in flight, and its write tokens. `Siege` puts the real ones in.
"""

from __future__ import annotations

from typing import Any

from shared.format import bencode, bep44
from tests.support.nodes import Author

TRANSACTION = b"~tid"
"""Stands for the 4 bytes of a transaction id of the node's own."""
PEER_ID = b"~the id of who asked"
"""Stands for the 20 bytes of the id that the asked node should answer with."""
AUTHOR, SALTED = Author(1), Author(2, b"a salt")
VALUE = bep44.bencode_string(b"immutable")
INFO_HASH = bytes(range(40, 60))
TOKENS = {
    b"~token-i": bep44.immutable_target(VALUE),
    b"~token-m": AUTHOR.target,
    b"~token-s": SALTED.target,
    b"~token-p": INFO_HASH,
}
"""Marks for write tokens, and the targets that they are for."""
_TOKEN_I, _TOKEN_M, _TOKEN_S, _TOKEN_P = TOKENS
_STRANGER = bytes(range(20, 40))


def query(method: bytes, members: dict[bytes, Any], **others: Any) -> bytes:
    """A query of a stranger."""
    named = {key.encode(): value for key, value in others.items()}
    return bencode.encode({b"t": b"aa", b"y": b"q", b"q": method, b"a": {b"id": _STRANGER} | members} | named)


def reply(members: dict[bytes, Any], **others: Any) -> bytes:
    """An answer to a query of the node's own."""
    named = {key.encode(): value for key, value in others.items()}
    return bencode.encode({b"t": TRANSACTION, b"y": b"r", b"r": {b"id": PEER_ID} | members} | named)


def error(*body: Any) -> bytes:
    """A refusal of a query of the node's own."""
    return bencode.encode({b"t": TRANSACTION, b"y": b"e", b"e": list(body)})


def item(author: Author, seq: int, content: bytes) -> dict[bytes, Any]:
    """The members of a mutable item (BEP 44)."""
    version = author.version(seq, content)
    members = {b"k": author.public_key, b"sig": version.signature, b"seq": seq, b"v": content}
    return members | ({b"salt": author.salt} if author.salt else {})


def compact_nodes(count: int) -> bytes:
    """Contacts all over the address space, some of them martian."""
    rows = range(count)
    return b"".join(bytes([row * 8] * 20) + bytes([row * 9 % 256, row, 7, 1, 26, 225]) for row in rows)


def compact_nodes6(count: int) -> bytes:
    """The same of IPv6 (BEP 32)."""
    return b"".join(bytes([row * 8] * 20) + bytes([0x2A, row] + [7] * 14 + [26, 225]) for row in range(count))


QUERIES: dict[str, bytes] = {
    "ping": query(b"ping", {}),
    "ping_read_only": query(b"ping", {}, ro=1, v=b"XX\x00\x01"),
    "find_node": query(b"find_node", {b"target": INFO_HASH, b"want": [b"n4", b"n6"]}),
    "get_peers": query(b"get_peers", {b"info_hash": INFO_HASH, b"scrape": 1}),
    "announce_peer": query(b"announce_peer", {b"info_hash": INFO_HASH, b"port": 6881, b"token": _TOKEN_P}),
    "announce_implied": query(
        b"announce_peer", {b"info_hash": INFO_HASH, b"port": 1, b"implied_port": 1, b"seed": 1, b"token": _TOKEN_P}
    ),
    "get": query(b"get", {b"target": AUTHOR.target}),
    "get_with_seq": query(b"get", {b"target": AUTHOR.target, b"seq": 7}),
    "put_immutable": query(b"put", {b"token": _TOKEN_I, b"v": b"immutable"}),
    "put_dictionary": query(b"put", {b"token": _TOKEN_I, b"v": {b"a": [1, [2, b"three"]]}}),
    "put_mutable": query(b"put", {b"token": _TOKEN_M} | item(AUTHOR, 9, b"mutable")),
    "put_salted": query(b"put", {b"token": _TOKEN_S} | item(SALTED, 9, b"salted")),
    "put_cas": query(b"put", {b"token": _TOKEN_M, b"cas": 9} | item(AUTHOR, 10, b"c" * 900)),
    "put_highest_seq": query(b"put", {b"token": _TOKEN_S} | item(SALTED, bep44.MAX_SEQ, b"the last word")),
    "put_too_big": query(b"put", {b"token": _TOKEN_I, b"v": b"x" * 1001}),
    "put_salt_too_big": query(b"put", {b"token": _TOKEN_M} | item(AUTHOR, 11, b"") | {b"salt": bytes(65)}),
    "sample_infohashes": query(b"sample_infohashes", {b"target": INFO_HASH}),
    "unknown_method": query(b"vote", {b"vote": 1}),
    "unsorted": b"d1:y1:q1:t2:aa1:q3:put1:ad1:v9:immutable5:token8:~token-i2:id20:" + _STRANGER + b"ee",
    "deep": b"d1:ad2:id20:" + _STRANGER + b"1:v" + b"l" * 12 + b"e" * 12 + b"e1:q3:put1:t2:aa1:y1:qe",
    "huge_number": b"d1:ad2:id20:" + _STRANGER + b"3:seqi" + b"9" * 900 + b"ee1:q3:get1:t2:aa1:y1:qe",
}
"""What strangers ask."""

REPLIES: dict[str, bytes] = {
    "acknowledged": reply({}, ip=bytes([203, 0, 113, 9, 26, 225]), v=b"LT\x02\x01"),
    "acknowledged_over_ipv6": reply({}, ip=bytes(range(18))),
    "nodes": reply({b"nodes": compact_nodes(8), b"token": b"theirs"}),
    "many_nodes": reply({b"nodes": compact_nodes(31), b"nodes6": compact_nodes6(4), b"token": b"theirs"}),
    "nodes6": reply({b"nodes6": compact_nodes6(8), b"token": b"theirs"}, ip=bytes([0x2A] + [1] * 15 + [26, 225])),
    "cut_nodes": reply({b"nodes": compact_nodes(3)[:-5], b"token": b"theirs"}),
    "peers": reply({b"values": [bytes([9, 9, 9, n, 0, n]) for n in range(9)], b"nodes": b"", b"token": b"theirs"}),
    "peers_over_ipv6": reply({b"values": [bytes(18), b"", bytes(6)], b"token": b"theirs"}),
    "immutable": reply({b"token": b"theirs", b"nodes": b"", b"v": b"immutable"}),
    "mutable": reply({b"token": b"theirs", b"nodes": b""} | item(AUTHOR, 12, b"newer")),
    "salted": reply({b"token": b"theirs"} | item(SALTED, 12, b"newer")),
    "bad_signature": reply({b"token": b"theirs"} | item(AUTHOR, 13, b"forged") | {b"sig": bytes(64)}),
    "only_seq": reply({b"token": b"theirs", b"seq": 9, b"nodes": compact_nodes(2)}),
    "error": error(203, b"bad token"),
    "error_cas": error(301, b"cas mismatch"),
    "error_seq": error(302, b"seq too low"),
    "error_of_a_strange_code": error(10**40, b"strange"),
    "error_without_sentence": error(-1),
    "unsorted_reply": b"d1:y1:r1:t4:~tid1:rd5:token2:xx1:v9:immutable2:id20:" + PEER_ID + b"ee",
}
"""What the asked answer."""

GOLDEN = QUERIES | REPLIES
