"""Bytes to messages (BEP 5, 32, 33, 42, 43, 44); `compose` is the way back, and no other module knows KRPC's keys.

Strict in what is stored or signed, lenient in what is understood. A datagram in canonical bencode, as nearly all are,
takes the compiled decoder; one with unsorted keys takes the lenient one, and then the bytes of a value are cut out of
the datagram as they were sent. Unknown keys are passed over; a known key of a wrong form makes the message malformed.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from services.dht_node.core.contact import Address, Contact, unpack_address, unpack_contacts
from services.dht_node.core.errors import Rejection, WireError
from services.dht_node.core.family import V4, V6, Family
from services.dht_node.core.ids import ID_SIZE
from services.dht_node.core.messages import (
    AnnouncePeer,
    Arguments,
    ErrorReply,
    FindNode,
    Get,
    GetPeers,
    KrpcCode,
    Message,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
    Scrape,
)
from shared.format import bencode
from shared.format.bencode import BencodeError
from shared.format.bep44 import MAX_SEQ, PUBLIC_KEY_SIZE, SIGNATURE_SIZE

MAX_TRANSACTION = 20
"""Bytes. BEP 5 speaks of two, we send four, some nodes eight; what is echoed must stay short."""
MAX_TOKEN = 64
"""Bytes of a token of somebody else's; the longest known are 20."""
MAX_NODES = 32
"""Contacts taken from one reply: K is 8 nearly everywhere, 20 in a few implementations."""
MAX_PEERS = 200
"""Peers taken from one reply; more do not fit into a datagram that arrives."""
MAX_ERROR_CODE = 999
"""All of BEP 5 and BEP 44, and those that implementations add (webtorrent's 400), have three digits."""
MAX_ERROR_MESSAGE = 200
"""Bytes kept of an error's sentence."""
MAX_PORT = 65535
EXTERNAL_IP_SIZES = frozenset((4, 6, 16, 18))
PEER_SIZES = frozenset((V4.compact_peer, V6.compact_peer))

_Members = dict[bytes, Any]
_PING = Ping()
_USUAL = re.compile(
    rb"d1:ad2:id20:(.{20})"
    rb"(?:e1:q4:ping|6:target20:(.{20})e1:q(9:find_node|3:get)|9:info_hash20:(.{20})e1:q9:get_peers)"
    rb"(2:roi1e)?1:t(2:.{2}|4:.{4}|8:.{8})(?:1:v4:.{4})?1:y1:qe",
    re.DOTALL,
).fullmatch
"""The queries that nodes live on, as nearly every implementation writes them: recognised at once, without a dictionary.

What has this shape is canonical and complete. Whatever has not, and be it a key more, takes the decoder.
"""
_new = tuple.__new__
"""Makes a NamedTuple without the Python function that its class is called through: half the time."""


def parse(data: bytes) -> Message:
    """The message in a datagram; raises WireError with the reason to count it under.

    The error names the transaction when it was a query that deserves error 203 or 204 for an answer.
    """
    usual = _USUAL(data)
    if usual is not None:
        return _usual(usual)
    loose = None
    try:
        message = bencode.decode(data)
    except BencodeError:
        message, loose = _decode_lenient(data), data
    if not isinstance(message, dict):
        raise WireError(Rejection.NOT_KRPC, "expected a dictionary")
    transaction = message.get(b"t")
    if not isinstance(transaction, bytes) or not 0 < len(transaction) <= MAX_TRANSACTION:
        raise WireError(Rejection.BAD_TRANSACTION_ID, f"expected t of 1 to {MAX_TRANSACTION} bytes")
    kind = message.get(b"y")
    if kind == b"q":
        return _query(message, transaction, loose)
    if kind == b"r":
        return _reply(message, transaction, loose)
    if kind == b"e":
        return _error(message, transaction)
    raise WireError(Rejection.NOT_KRPC, "expected y to be q, r or e")


def _decode_lenient(data: bytes) -> Any:
    try:
        return bencode.decode_lenient(data)
    except BencodeError as error:
        raise WireError(Rejection.NOT_BENCODE, str(error)) from error


# --- queries


def _usual(usual: re.Match[bytes]) -> Query:
    sender, target, method, info_hash, read_only, transaction = usual.groups()
    arguments: Arguments
    if target is not None:
        arguments = _new(Get, (target, None, None)) if method == b"3:get" else _new(FindNode, (target,))
    elif info_hash is not None:
        arguments = _new(GetPeers, (info_hash,))
    else:
        arguments = _PING
    return _new(Query, (transaction[2:], sender, arguments, read_only is not None, ()))


def _query(message: _Members, transaction: bytes, loose: bytes | None) -> Query:
    try:
        members = _dictionary(message, b"a")
        sender = _bytes(members, b"id", ID_SIZE)
        arguments = _arguments(message, members, loose)
        return Query(transaction, sender, arguments, message.get(b"ro") == 1, _want(members))
    except WireError as error:
        # the reader of a field does not know whose field it is; here it is a query's, so its sender is owed an answer
        error.transaction = transaction
        raise


def _arguments(message: _Members, members: _Members, loose: bytes | None) -> Arguments:
    method = message.get(b"q")
    if method == b"find_node":
        return FindNode(_bytes(members, b"target", ID_SIZE))
    if method == b"get":
        token = _token(members) if b"token" in members else None
        return Get(_bytes(members, b"target", ID_SIZE), _optional_seq(members, b"seq"), token)
    if method == b"get_peers":
        return _get_peers(members)
    if method == b"ping":
        return _PING
    if method == b"put":
        return _put(members, loose)
    if method == b"announce_peer":
        return _announce_peer(members)
    if method == b"sample_infohashes":
        return SampleInfohashes(_bytes(members, b"target", ID_SIZE))
    return _unknown(method, members)


def _unknown(method: Any, members: _Members) -> FindNode:
    """BEP 5's rule for the future: whoever names a target wants at least the nodes near it."""
    if not isinstance(method, bytes):
        _malformed("expected q to be a string")
    for key in (b"target", b"info_hash"):
        if key in members:
            return FindNode(_bytes(members, key, ID_SIZE))
    raise WireError(Rejection.UNKNOWN_METHOD, "expected a method of BEP 5, BEP 44 or BEP 51")


def _get_peers(members: _Members) -> GetPeers | Scrape:
    info_hash = _bytes(members, b"info_hash", ID_SIZE)
    filters, no_seeds = members.get(b"scrape") == 1, members.get(b"noseed") == 1
    return Scrape(info_hash, filters, no_seeds) if filters or no_seeds else GetPeers(info_hash)


def _announce_peer(members: _Members) -> AnnouncePeer:
    port = None
    if not members.get(b"implied_port"):
        port = members.get(b"port")
        if not isinstance(port, int) or not 0 < port <= MAX_PORT:
            _malformed("expected port from 1 to 65535, or implied_port")
    return AnnouncePeer(_bytes(members, b"info_hash", ID_SIZE), port, _token(members), members.get(b"seed") == 1)


def _put(members: _Members, loose: bytes | None) -> Put:
    """A value with `k` or `sig` is mutable or nothing: stored as immutable it would be lost to its owner."""
    token = _token(members)
    value = _value(members, b"a", loose)
    if value is None:
        _malformed("expected v")
    if b"k" not in members and b"sig" not in members:
        return Put(token, value)
    salt = members.get(b"salt", b"")
    if not isinstance(salt, bytes):
        _malformed("expected salt to be a string")
    seq = _optional_seq(members, b"seq")
    if seq is None:
        _malformed("expected seq beside k and sig")
    return Put(
        token,
        value,
        public_key=_bytes(members, b"k", PUBLIC_KEY_SIZE),
        signature=_bytes(members, b"sig", SIGNATURE_SIZE),
        seq=seq,
        salt=salt,
        cas=_optional_seq(members, b"cas"),
    )


# --- replies and errors


def _reply(message: _Members, transaction: bytes, loose: bytes | None) -> Reply:
    try:
        members = _dictionary(message, b"r")
        return Reply(
            transaction,
            sender=_bytes(members, b"id", ID_SIZE),
            nodes=_nodes(members, b"nodes", V4),
            token=_token(members) if b"token" in members else None,
            peers=_peers(members),
            value=_value(members, b"r", loose),
            public_key=_bytes(members, b"k", PUBLIC_KEY_SIZE) if b"k" in members else None,
            signature=_bytes(members, b"sig", SIGNATURE_SIZE) if b"sig" in members else None,
            seq=_optional_seq(members, b"seq"),
            external_ip=_external_ip(message),
            nodes6=_nodes(members, b"nodes6", V6),
        )
    except WireError as error:
        error.reason = Rejection.MALFORMED_REPLY
        raise


def _error(message: _Members, transaction: bytes) -> ErrorReply:
    body = message.get(b"e")
    if not isinstance(body, list) or not body or not isinstance(body[0], int):
        raise WireError(Rejection.MALFORMED_REPLY, "expected e to be a list of a code and a sentence")
    # codes are counted one by one and travel on as integers: a peer must not make up endlessly many, or endless ones
    code = body[0] if 0 < body[0] <= MAX_ERROR_CODE else KrpcCode.GENERIC
    text = body[1] if len(body) > 1 and isinstance(body[1], bytes) else b""
    return ErrorReply(transaction, code, text[:MAX_ERROR_MESSAGE], _external_ip(message))


def _want(members: _Members) -> tuple[bytes, ...]:
    """BEP 32's `want` is a courtesy too: what we do not know of it is passed over."""
    want = members.get(b"want", ())
    if not isinstance(want, (list, tuple)):
        return ()
    return tuple(family.want for family in (V4, V6) if family.want in want)


def _nodes(members: _Members, key: bytes, family: Family) -> tuple[Contact, ...]:
    """Whole contacts only: a truncated last one is passed over."""
    packed = members.get(key)
    if packed is None:
        return ()
    if not isinstance(packed, bytes):
        _malformed(f"expected {key.decode()} to be a string")
    return unpack_contacts(packed[: MAX_NODES * family.compact_node], family)


def _peers(members: _Members) -> tuple[Address, ...]:
    """Peers of either family; entries of another size are passed over."""
    packed = members.get(b"values", ())
    if not isinstance(packed, (list, tuple)):
        _malformed("expected values to be a list")
    return tuple(
        unpack_address(peer) for peer in packed[:MAX_PEERS] if isinstance(peer, bytes) and len(peer) in PEER_SIZES
    )


def _external_ip(message: _Members) -> bytes | None:
    """BEP 42's `ip` is a courtesy: of a wrong form, it is as if it had not been sent."""
    ip = message.get(b"ip")
    return ip if isinstance(ip, bytes) and len(ip) in EXTERNAL_IP_SIZES else None


# --- fields


def _malformed(detail: str) -> NoReturn:
    raise WireError(Rejection.MALFORMED_QUERY, detail)


def _dictionary(message: _Members, key: bytes) -> _Members:
    members = message.get(key)
    if not isinstance(members, dict):
        _malformed(f"expected {key.decode()} to be a dictionary")
    return members


def _bytes(members: _Members, key: bytes, size: int) -> bytes:
    value = members.get(key)
    if not isinstance(value, bytes) or len(value) != size:
        _malformed(f"expected {key.decode()} of {size} bytes")
    return value


def _token(members: _Members) -> bytes:
    token = members.get(b"token")
    if not isinstance(token, bytes) or len(token) > MAX_TOKEN:
        _malformed(f"expected token of at most {MAX_TOKEN} bytes")
    return token


def _optional_seq(members: _Members, key: bytes) -> int | None:
    seq = members.get(key)
    if seq is not None and (not isinstance(seq, int) or not 0 <= seq <= MAX_SEQ):
        _malformed(f"expected {key.decode()} from 0 to 2**63 - 1")
    return seq


def _value(members: _Members, parent: bytes, loose: bytes | None) -> bytes | None:
    """The bytes of `v` as they were sent; None without one."""
    value = members.get(b"v")
    if value is None:
        return None
    if loose is not None:
        return _cut_value(loose, parent)
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    return bencode.encode(value)


def _cut_value(data: bytes, parent: bytes) -> bytes | None:
    try:
        return bencode.raw_value(data, parent, b"v")
    except BencodeError as error:
        raise WireError(Rejection.NOT_BENCODE, str(error)) from error
