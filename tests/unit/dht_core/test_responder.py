"""What strangers get: answers, and every refusal under its code and its transaction; time is an argument."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.dht_node.core import compose
from services.dht_node.core.bloom import bloom
from services.dht_node.core.config import Mode, NodeConfig
from services.dht_node.core.contact import Address, pack_address
from services.dht_node.core.errors import Rejection, WireError
from services.dht_node.core.messages import (
    AnnouncePeer,
    Arguments,
    ErrorReply,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
    Scrape,
)
from services.dht_node.core.peers import PeerStore
from services.dht_node.core.presence import Presence
from services.dht_node.core.responder import Responder, Tables
from services.dht_node.core.routing import RoutingTable
from services.dht_node.core.stats import NodeStats
from services.dht_node.core.storage import ItemStore
from services.dht_node.core.tokens import Tokens
from services.dht_node.core.wire import parse
from shared.format import bencode
from shared.format.bep44 import immutable_target, mutable_target
from tests.support.dht_parts import OTHER_ID, OWN_ID, Signer, contact, dice, verify

SOURCE: Address = ("198.51.100.1", 6881)
ELSEWHERE: Address = ("198.51.100.2", 6881)
TARGET = bytes(range(50, 70))
CONFIG = NodeConfig(contact_quarantine=0.0)
OWNER = Signer()
VALUE = b"5:hello"


class Asked:
    """A responder with ten contacts, and a stranger who asks it over the wire."""

    def __init__(self, config: NodeConfig = CONFIG) -> None:
        self.stats = NodeStats()
        self.verified = 0
        self.tables = Tables(
            RoutingTable(OWN_ID, config, 0.0),
            ItemStore(OWN_ID, config),
            PeerStore(config),
            Tokens(dice(), config.token_rotation, 0.0),
        )
        for number in range(10):
            self.tables.routing.answered(contact(0, number), 0.0)
        self.responder = Responder(config, self.tables, self._verify, self.stats, Presence(config, 0.0))

    def _verify(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        self.verified += 1
        return verify(public_key, signature, message)

    def datagram(self, arguments: Arguments, source: Address = SOURCE, now: float = 0.0) -> bytes | None:
        sent = parse(compose.encode_query(Query(b"\x00\xff", OTHER_ID, arguments), b"XX\x00\x01"))
        assert isinstance(sent, Query)
        return self.responder.respond(sent, source, now)

    def ask(self, arguments: Arguments, source: Address = SOURCE, now: float = 0.0) -> Reply:
        answer = parse(self.datagram(arguments, source, now) or b"")
        assert isinstance(answer, Reply)
        assert (answer.transaction, answer.sender) == (b"\x00\xff", self.tables.routing.own_id)
        assert answer.external_ip == pack_address(source)
        return answer

    def refused(self, arguments: Arguments, source: Address = SOURCE, now: float = 0.0) -> int:
        answer = parse(self.datagram(arguments, source, now) or b"")
        assert isinstance(answer, ErrorReply)
        assert (answer.transaction, answer.external_ip) == (b"\x00\xff", pack_address(source))
        return answer.code

    def token(self, target: bytes, source: Address = SOURCE, now: float = 0.0) -> bytes:
        token = self.ask(Get(target), source, now).token
        assert token is not None
        return token

    def put(self, seq: int, value: bytes = VALUE, salt: bytes = b"", cas: int | None = None, now: float = 0.0) -> Put:
        """A well-made put of the owner's."""
        token = self.token(mutable_target(OWNER.public_key, salt), now=now)
        return Put(token, value, OWNER.public_key, OWNER.sign(value, seq, salt), seq, salt, cas)


@pytest.fixture
def asked() -> Asked:
    return Asked()


def nearest(target: bytes, asked: Asked) -> list[bytes]:
    return [entry.id for entry in asked.tables.routing.closest(target, 8)]


# --- answers


def test_ping(asked: Asked) -> None:
    assert asked.ask(Ping()).sender == OWN_ID
    assert asked.stats.queries_answered == {"ping": 1}


def test_find_node_names_the_nearest(asked: Asked) -> None:
    assert [node.id for node in asked.ask(FindNode(TARGET)).nodes] == nearest(TARGET, asked)


@pytest.mark.parametrize("arguments", [FindNode(TARGET), GetPeers(TARGET), Get(TARGET)])
def test_nodes_are_in_the_reply_even_when_there_are_none(arguments: Arguments) -> None:
    lonely = Asked()
    lonely.tables.routing.rebuild(OWN_ID, 0.0)
    for number in range(10):
        lonely.tables.routing.failed(contact(0, number), 0.0)
    datagram = lonely.datagram(arguments) or b""
    assert bencode.decode(datagram)[b"r"][b"nodes"] == b""


@pytest.mark.parametrize("arguments", [GetPeers(TARGET), Get(TARGET)])
def test_what_old_clients_need(asked: Asked, arguments: Arguments) -> None:
    body = bencode.decode(asked.datagram(arguments) or b"")
    assert len(body[b"r"][b"token"]) <= 20
    assert len(body[b"r"][b"nodes"]) == 8 * 26
    assert body[b"v"] == CONFIG.version


def test_peers_that_announced_themselves_are_found(asked: Asked) -> None:
    token = asked.ask(GetPeers(TARGET)).token or b""
    asked.ask(AnnouncePeer(TARGET, None, token))
    asked.ask(AnnouncePeer(TARGET, 7000, token))
    found = asked.ask(GetPeers(TARGET), ELSEWHERE)
    assert set(found.peers) == {SOURCE, (SOURCE[0], 7000)}
    assert len(found.nodes) == 8
    assert asked.ask(GetPeers(TARGET), now=30 * 60.0).peers == ()


def test_an_immutable_item_is_stored_and_read(asked: Asked) -> None:
    target = immutable_target(VALUE)
    assert asked.ask(Get(target)).value is None
    asked.ask(Put(asked.token(target), VALUE))
    found = asked.ask(Get(target), ELSEWHERE)
    assert (found.value, found.public_key, found.seq) == (VALUE, None, None)
    assert [node.id for node in found.nodes] == nearest(target, asked)
    assert asked.verified == 0


def test_a_mutable_item_is_stored_and_read(asked: Asked) -> None:
    put = asked.put(4, salt=b"salt")
    asked.ask(put)
    found = asked.ask(Get(mutable_target(OWNER.public_key, b"salt")), ELSEWHERE)
    assert (found.value, found.seq, found.public_key, found.signature) == (VALUE, 4, OWNER.public_key, put.signature)
    assert asked.ask(Get(mutable_target(OWNER.public_key))).value is None


def test_an_item_is_gone_after_two_hours_without_a_put(asked: Asked) -> None:
    target = mutable_target(OWNER.public_key)
    asked.ask(asked.put(4))
    asked.ask(asked.put(4, now=100.0), now=100.0)
    assert asked.ask(Get(target), now=7299.0).value == VALUE
    assert asked.ask(Get(target), now=7300.0).value is None


@pytest.mark.parametrize(("known", "value"), [(3, VALUE), (4, None), (5, None)])
def test_an_asker_with_as_high_a_seq_gets_only_ours(asked: Asked, known: int, value: bytes | None) -> None:
    asked.ask(asked.put(4))
    found = asked.ask(Get(mutable_target(OWNER.public_key), known))
    assert (found.value, found.seq) == (value, 4)
    assert found.token is not None


def test_a_newer_version_takes_the_place_of_the_older(asked: Asked) -> None:
    asked.ask(asked.put(4))
    asked.ask(asked.put(5, b"3:new", cas=4))
    assert asked.ask(Get(mutable_target(OWNER.public_key))).value == b"3:new"


def test_a_repetition_succeeds_whatever_its_cas_and_costs_no_verification(asked: Asked) -> None:
    asked.ask(asked.put(4))
    asked.ask(asked.put(4, cas=3))
    assert asked.verified == 1


def test_another_id_of_ours(asked: Asked) -> None:
    asked.tables.routing.rebuild(OTHER_ID, 0.0)
    asked.responder.adopt_id(OTHER_ID)
    assert asked.ask(Ping()).sender == OTHER_ID


# --- refusals


def test_203_for_a_forged_token(asked: Asked) -> None:
    put = asked.put(4)
    assert asked.refused(put._replace(token=bytes(8))) == 203
    assert asked.refused(put, ELSEWHERE) == 203
    assert asked.refused(Put(put.token, VALUE)) == 203
    assert asked.refused(AnnouncePeer(TARGET, 1, put.token)) == 203
    assert asked.stats.rejected == {Rejection.BAD_TOKEN: 4}
    assert asked.verified == 0


def test_203_for_a_replayed_token(asked: Asked) -> None:
    put = asked.put(4)
    for now in (300.0, 600.0):
        asked.tables.tokens.rotate(now)
    assert asked.refused(put) == 203


def test_205_for_a_value_over_1000_bytes(asked: Asked) -> None:
    largest = b"996:" + bytes(996)
    asked.ask(asked.put(4, largest))
    assert asked.refused(asked.put(5, b"997:" + bytes(997))) == 205
    assert asked.refused(Put(b"", b"997:" + bytes(997))) == 205
    assert asked.verified == 1


def test_206_for_a_bad_signature(asked: Asked) -> None:
    put = asked.put(4)
    assert asked.refused(put._replace(seq=5)) == 206
    assert asked.refused(put._replace(value=b"5:hellO")) == 206
    assert asked.refused(put._replace(signature=bytes(64))) == 206
    assert len(asked.tables.items) == 0


def test_207_for_a_salt_over_64_bytes(asked: Asked) -> None:
    asked.ask(asked.put(4, salt=bytes(64)))
    assert asked.refused(asked.put(4, salt=bytes(65))) == 207
    assert asked.verified == 1


def test_301_for_a_cas_that_is_not_the_stored_seq(asked: Asked) -> None:
    asked.ask(asked.put(4, cas=0))
    assert asked.refused(asked.put(5, cas=3)) == 301
    assert asked.refused(asked.put(5, cas=0)) == 301
    assert asked.stats.rejected == {Rejection.CAS_MISMATCH: 2}
    assert asked.verified == 1


def test_302_for_a_seq_that_is_not_higher(asked: Asked) -> None:
    asked.ask(asked.put(4))
    assert asked.refused(asked.put(3)) == 302
    assert asked.refused(asked.put(4, b"5:other")) == 302
    assert asked.stats.rejected == {Rejection.SEQ_TOO_LOW: 2}
    assert asked.verified == 1


def test_202_when_there_is_no_room() -> None:
    asked = Asked(replace(CONFIG, items_max=0))
    assert asked.refused(asked.put(4)) == 202
    assert asked.stats.rejected == {Rejection.STORE_FULL: 1}


MALFORMED = {
    "k without sig": b"d1:ad2:id20:abcdefghij01234567891:k32:%b3:seqi1e5:token2:tk1:v1:xe1:q3:put1:t2:aa1:y1:qe"
    % bytes(32),
    "no id": b"d1:ade1:q4:ping1:t2:aa1:y1:qe",
}


@pytest.mark.parametrize("datagram", MALFORMED.values(), ids=MALFORMED)
def test_203_for_a_malformed_query(asked: Asked, datagram: bytes) -> None:
    assert refusal(asked, datagram) == ErrorReply(b"aa", 203, b"malformed query", pack_address(SOURCE))
    assert len(asked.tables.items) == 0


def test_204_for_an_unknown_method(asked: Asked) -> None:
    datagram = b"d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe"
    assert refusal(asked, datagram) == ErrorReply(b"aa", 204, b"unknown method", pack_address(SOURCE))


@pytest.mark.parametrize("datagram", [b"", b"d1:rde1:t2:aa1:y1:re", b"d1:t2:aa1:y1:ee"])
def test_what_is_no_query_gets_no_answer(asked: Asked, datagram: bytes) -> None:
    assert refusal(asked, datagram) is None


def refusal(asked: Asked, datagram: bytes) -> object:
    with pytest.raises(WireError) as refused:
        parse(datagram)
    answer = asked.responder.refuse(refused.value, SOURCE, 0.0)
    return None if answer is None else parse(answer)


def test_in_read_only_mode_nobody_is_answered() -> None:
    asked = Asked(replace(CONFIG, mode=Mode.READ_ONLY))
    assert asked.datagram(Ping()) is None
    assert refusal(asked, b"d1:ade1:q4:ping1:t2:aa1:y1:qe") is None
    assert asked.stats.rejected == {Rejection.READ_ONLY: 1}


def samples_of(asked: Asked, source: Address = SOURCE, now: float = 0.0) -> dict[bytes, object]:
    reply = bencode.decode(asked.datagram(SampleInfohashes(TARGET), source, now) or b"")
    body: dict[bytes, object] = reply[b"r"]
    return body


def test_samples_of_info_hashes_and_never_of_items() -> None:
    asked = Asked()
    item = asked.put(1)
    asked.ask(item)
    hashes = [bytes([number]) * 20 for number in range(30)]
    for info_hash in hashes:
        token = asked.ask(GetPeers(info_hash)).token or b""
        asked.ask(AnnouncePeer(info_hash, 7000, token))
    body = samples_of(asked)
    shown = body[b"samples"]
    assert isinstance(shown, bytes)
    assert body[b"num"] == 30
    assert body[b"interval"] == 21_600
    assert len(body[b"nodes"]) == 8 * 26  # type: ignore[arg-type]  # bytes
    assert len(shown) == 20 * 20
    assert {shown[at : at + 20] for at in range(0, 400, 20)} < set(hashes)
    assert list(body) == sorted(body)


def test_samples_change_with_the_interval_and_not_before() -> None:
    asked = Asked(replace(CONFIG, peer_lifetime=1e9, token_rotation=1e9))
    for number in range(200):
        token = asked.ask(GetPeers(bytes([number]) * 20)).token or b""
        asked.ask(AnnouncePeer(bytes([number]) * 20, 7000, token))
    first = samples_of(asked)[b"samples"]
    assert samples_of(asked, ELSEWHERE, 21_599.0)[b"samples"] == first
    assert samples_of(asked, ELSEWHERE, 21_700.0)[b"samples"] != first


def test_who_asks_for_samples_too_often_gets_nodes() -> None:
    asked = Asked()
    token = asked.ask(GetPeers(TARGET)).token or b""
    asked.ask(AnnouncePeer(TARGET, 7000, token))
    assert [len(samples_of(asked)[b"samples"]) for _ in range(12)] == [20] * 10 + [0, 0]  # type: ignore[arg-type]  # bytes
    assert samples_of(asked)[b"num"] == 1
    assert samples_of(asked, ("192.0.2.1", 6881))[b"samples"] == TARGET
    assert samples_of(asked, now=60.0)[b"samples"] == TARGET


def test_samples_of_the_expired_are_not_shown() -> None:
    asked = Asked()
    token = asked.ask(GetPeers(TARGET)).token or b""
    asked.ask(AnnouncePeer(TARGET, 7000, token))
    assert samples_of(asked, now=CONFIG.peer_lifetime + 1)[b"samples"] == b""


# --- scrapes


SCRAPING = replace(CONFIG, scrape=True)
SEED, DOWNLOADER = ("198.51.100.3", 6881), ("198.51.100.4", 6881)


def swarm(config: NodeConfig) -> Asked:
    """A responder to which a seed and somebody else have announced themselves."""
    asked = Asked(config)
    for source, seed in ((SEED, True), (DOWNLOADER, False)):
        token = asked.ask(GetPeers(TARGET), source).token or b""
        asked.ask(AnnouncePeer(TARGET, None, token, seed), source)
    return asked


def filters_of(asked: Asked, info_hash: bytes = TARGET, now: float = 0.0) -> dict[bytes, bytes]:
    body = bencode.decode(asked.datagram(Scrape(info_hash), now=now) or b"")[b"r"]
    return {key: body[key] for key in (b"BFpe", b"BFsd") if key in body}


def test_a_scrape_is_answered_with_filters_of_seeds_and_of_the_others() -> None:
    asked = swarm(SCRAPING)
    assert filters_of(asked) == {b"BFsd": bloom([bytes([198, 51, 100, 3])]), b"BFpe": bloom([bytes([198, 51, 100, 4])])}
    assert set(asked.ask(Scrape(TARGET)).peers) == {SEED, DOWNLOADER}
    assert len(asked.ask(Scrape(TARGET)).nodes) == 8
    assert asked.stats.queries_answered["get_peers"] == 5


def test_by_default_a_scrape_is_an_ordinary_query() -> None:
    asked = swarm(CONFIG)
    assert asked.datagram(Scrape(TARGET)) == asked.datagram(GetPeers(TARGET))


def test_a_swarm_of_which_nobody_is_known_has_no_filters() -> None:
    asked = swarm(SCRAPING)
    assert filters_of(asked, OTHER_ID) == {}
    assert filters_of(asked, now=CONFIG.peer_lifetime + 1) == {}


@pytest.mark.parametrize("config", [CONFIG, SCRAPING])
def test_seeds_are_shown_downloaders_only(config: NodeConfig) -> None:
    assert swarm(config).ask(Scrape(TARGET, filters=False, no_seeds=True)).peers == (DOWNLOADER,)


def test_a_scrape_is_answered_in_one_datagram() -> None:
    asked = Asked(replace(SCRAPING, network_share=1.0))
    for number in range(100):
        asked.tables.peers.announce(TARGET, bytes([9, 9, 9, number, 26, 225]), 0.0)
    answer = asked.datagram(Scrape(TARGET)) or b""
    assert len(bencode.decode(answer)[b"r"][b"values"]) == 25
    assert len(answer) + len(b"6:nodes6304:") + 8 * 38 <= 1400


def test_while_bytes_are_short_filters_go_to_the_proven_only() -> None:
    asked = swarm(replace(SCRAPING, egress_network_burst=10_000.0, egress_network_rate=1.0))
    while filters_of(asked):
        pass
    assert asked.stats.values_withheld == 1
    asked.responder.proved(SOURCE[0], 0.0)
    assert set(filters_of(asked)) == {b"BFpe", b"BFsd"}
