"""Messages to bytes (BEP 5, 32, 33, 42, 43, 44); `wire` is the way back.

Written out by hand in the order that bencode wants keys to have: an answer to a stranger's query is made a hundred
thousand times a second, and a value that travels bencoded must not be encoded twice. A property test holds every
datagram made here to what the general encoder makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from services.dht_node.core.family import Family
from services.dht_node.core.messages import (
    AnnouncePeer,
    Arguments,
    FindNode,
    Get,
    GetPeers,
    Item,
    Ping,
    Put,
    Query,
    SampleInfohashes,
    Scrape,
)


def encode_query(query: Query, version: bytes) -> bytes:
    """The datagram of a query; `version` is our `v` (BEP 5)."""
    transaction = query.transaction
    method, before_id, after_id = _arguments(query.arguments)
    return b"d1:ad%b2:id20:%b%b%be1:q%d:%b%b1:t%d:%b1:v%d:%b1:y1:qe" % (
        before_id,
        query.sender,
        after_id,
        b"4:wantl2:%be" % b"2:".join(query.want) if query.want else b"",
        len(method),
        method,
        b"2:roi1e" if query.read_only else b"",
        len(transaction),
        transaction,
        len(version),
        version,
    )


def _arguments(arguments: Arguments) -> tuple[bytes, bytes, bytes]:
    """The method's name, and its arguments whose keys come before `id` and after it."""
    match arguments:
        case Ping():
            return b"ping", b"", b""
        case FindNode(target):
            return b"find_node", b"", b"6:target20:" + target
        case GetPeers() | Scrape():
            return b"get_peers", b"", _get_peers(arguments)
        case Get(target, seq, token):
            shown = b"" if token is None else b"5:token%d:%b" % (len(token), token)
            return b"get", b"", b"%b6:target20:%b%b" % (_integer(b"3:seq", seq), target, shown)
        case AnnouncePeer():
            return b"announce_peer", b"", _announce_peer(arguments)
        case Put():
            return b"put", _integer(b"3:cas", arguments.cas), _put(arguments)
        case SampleInfohashes(target):
            return b"sample_infohashes", b"", b"6:target20:" + target
    assert_never(arguments)


def _get_peers(asked: GetPeers | Scrape) -> bytes:
    wanted = b""
    if isinstance(asked, Scrape):
        wanted = b"6:noseedi1e" * asked.no_seeds + b"6:scrapei1e" * asked.filters
    return b"9:info_hash20:%b%b" % (asked.info_hash, wanted)


def _announce_peer(announce: AnnouncePeer) -> bytes:
    # libtorrent insists on a port even where implied_port makes it meaningless
    return b"%b9:info_hash20:%b4:porti%de%b5:token%d:%b" % (
        b"12:implied_porti1e" if announce.port is None else b"",
        announce.info_hash,
        announce.port or 0,
        b"4:seedi1e" if announce.seed else b"",
        len(announce.token),
        announce.token,
    )


def _put(put: Put) -> bytes:
    mutable = b""
    if put.public_key is not None and put.signature is not None:
        mutable = b"1:k32:%b%b%b3:sig64:%b" % (
            put.public_key,
            b"4:salt%d:%b" % (len(put.salt), put.salt) if put.salt else b"",
            _integer(b"3:seq", put.seq),
            put.signature,
        )
    return b"%b5:token%d:%b1:v%b" % (mutable, len(put.token), put.token, put.value)


def _integer(key: bytes, value: int | None) -> bytes:
    return b"" if value is None else b"%bi%de" % (key, value)


def nodes_member(family: Family, packed: bytes) -> bytes:
    """Compact contacts of one family as the member of a reply."""
    return b"%b%d:%b" % (family.nodes_key, len(packed), packed)


class Replies:
    """Writes the answers of one node.

    Everywhere `asker` is the compact address (6 or 18 bytes) that the query came from: it goes back as BEP 42's `ip`,
    and is how a node behind a NAT learns its own. `nodes` is what `nodes_member` makes, of both families if both were
    wanted: IPv4 first. Nothing but strings and numbers stands before `v` inside `r`: simple
    decoders search for it.
    """

    def __init__(self, own_id: bytes, version: bytes, family: Family) -> None:
        self._ip = b"2:ip%d:" % family.compact_peer
        self._start = b"d" + self._ip
        self._peer = b"%d:" % family.compact_peer
        self._body = b"1:rd2:id20:" + own_id
        self._members_at = len(self._start) + family.compact_peer + len(b"1:rd")
        """Where in a reply the first member of `r` begins."""
        self._version = b"1:v%d:%b" % (len(version), version)
        self._end = self._version + b"1:y1:re"

    def acknowledgement(self, transaction: bytes, asker: bytes) -> bytes:
        """The answer to ping, announce_peer and put: our id."""
        return b"%b%b%be1:t%d:%b%b" % (self._start, asker, self._body, len(transaction), transaction, self._end)

    def nodes(self, transaction: bytes, asker: bytes, nodes: bytes) -> bytes:
        """The answer to find_node."""
        return b"%b%b%b%be1:t%d:%b%b" % (
            self._start,
            asker,
            self._body,
            nodes,
            len(transaction),
            transaction,
            self._end,
        )

    def peers(self, transaction: bytes, asker: bytes, nodes: bytes, token: bytes, peers: Sequence[bytes] = ()) -> bytes:
        """The answer to get_peers, and without peers also to a get of what we do not hold; a peer is compact."""
        values = b"6:valuesl%b%be" % (self._peer, self._peer.join(peers)) if peers else b""
        return b"%b%b%b%b5:token%d:%b%be1:t%d:%b%b" % (
            self._start,
            asker,
            self._body,
            nodes,
            len(token),
            token,
            values,
            len(transaction),
            transaction,
            self._end,
        )

    def scraped(self, reply: bytes, seeds: bytes, downloaders: bytes) -> bytes:
        """What `peers` made, with the filters of BEP 33 (256 bytes each); their keys sort before all others of `r`."""
        at = self._members_at
        filters = b"4:BFpe%d:%b4:BFsd%d:%b" % (len(downloaders), downloaders, len(seeds), seeds)
        return reply[:at] + filters + reply[at:]

    def item(self, transaction: bytes, asker: bytes, nodes: bytes, token: bytes, item: Item) -> bytes:
        """The answer to a get of what we hold."""
        key, seq_and_signature = b"", b""
        if item.public_key is not None:
            key = b"1:k32:" + item.public_key
            seq_and_signature = b"3:seqi%de3:sig64:%b" % (item.seq, item.signature)
        return b"%b%b%b%b%b%b5:token%d:%b1:v%be1:t%d:%b%b" % (
            self._start,
            asker,
            self._body,
            key,
            nodes,
            seq_and_signature,
            len(token),
            token,
            item.value,
            len(transaction),
            transaction,
            self._end,
        )

    def seq(self, transaction: bytes, asker: bytes, nodes: bytes, token: bytes, seq: int) -> bytes:
        """The answer to a get whose seq ours is not above: no value, only what ours is (BEP 44, "get message")."""
        return b"%b%b%b%b3:seqi%de5:token%d:%be1:t%d:%b%b" % (
            self._start,
            asker,
            self._body,
            nodes,
            seq,
            len(token),
            token,
            len(transaction),
            transaction,
            self._end,
        )

    def samples(  # the reply has so many members
        self, transaction: bytes, asker: bytes, nodes: bytes, samples: bytes, total: int, interval: int
    ) -> bytes:
        """The answer to sample_infohashes (BEP 51): some info-hashes, how many there are, when to come back."""
        return b"%b%b%b8:intervali%de%b3:numi%de7:samples%d:%be1:t%d:%b%b" % (
            self._start,
            asker,
            self._body,
            interval,
            nodes,
            total,
            len(samples),
            samples,
            len(transaction),
            transaction,
            self._end,
        )

    def error(self, transaction: bytes, asker: bytes, code: int, sentence: bytes) -> bytes:
        """A refusal (BEP 5, "Errors")."""
        return b"d1:eli%de%d:%be%b%b1:t%d:%b%b1:y1:ee" % (
            code,
            len(sentence),
            sentence,
            self._ip,
            asker,
            len(transaction),
            transaction,
            self._version,
        )
