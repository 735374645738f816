"""IPv6 in the core: compact forms, networks, who can be a peer, and what each family tells of the other (BEP 32)."""

from __future__ import annotations

import pytest

from services.dht_node.core.compose import Replies, encode_query, nodes_member
from services.dht_node.core.config import LAB, NodeConfig
from services.dht_node.core.contact import (
    Address,
    Contact,
    is_local,
    pack_address,
    pack_contact,
    pack_ip,
    prefix,
    subscriber,
    unpack_address,
    unpack_contacts,
)
from services.dht_node.core.events import ExternalAddressChanged, HeardOfOthers
from services.dht_node.core.family import V4, V6, Family
from services.dht_node.core.guard import Guard
from services.dht_node.core.ids import is_bep42
from services.dht_node.core.messages import FindNode, Get, GetPeers, Ping, Query, Reply
from services.dht_node.core.node import Node
from services.dht_node.core.votes import AddressVotes
from services.dht_node.core.wire import parse
from tests.support.dht_parts import OTHER_ID, OWN_ID, dice, verify

CONFIG = NodeConfig(family=V6, contact_quarantine=0.0)
SOURCE: Address = ("2001:db8:7::1", 6881)
TARGET = bytes(range(50, 70))


def contact6(number: int) -> Contact:
    return Contact(number.to_bytes(20, "big"), (f"2001:db8:{number:x}::1", 6881))


def test_the_compact_form_and_back() -> None:
    packed = pack_address(("2001:db8:0:0::1", 0x1AE1))
    assert packed == bytes.fromhex("20010db80000000000000000000000011ae1")
    assert unpack_address(packed) == ("2001:db8::1", 0x1AE1)
    contacts = (contact6(1), contact6(2))
    row = b"".join(map(pack_contact, contacts))
    assert unpack_contacts(row + b"cut off", V6) == contacts


def test_a_network_is_a_48_and_a_subscriber_a_64() -> None:
    assert prefix("2001:db8:7:8:9::1") == bytes.fromhex("20010db80007")
    assert subscriber("2001:db8:7:8:9::1") == subscriber("2001:db8:7:8::2") == "2001:db8:7:8::"
    assert subscriber("198.51.100.1") == "198.51.100.1"


@pytest.mark.parametrize("host", ["::1", "fc00::1", "fd12::1"])
def test_only_in_labs(host: str) -> None:
    assert not Guard(NodeConfig(family=V6)).acceptable((host, 6881))
    lab = NodeConfig(family=V6, lab=True)
    assert Guard(lab).acceptable((host, 6881))


@pytest.mark.parametrize(
    "host", ["::", "fe80::1", "ff02::1", "::ffff:198.51.100.1", "64:ff9b::1", "198.51.100.1", "no address"]
)
@pytest.mark.parametrize("lab", [False, True])
def test_never_an_ipv6_node(host: str, lab: bool) -> None:
    assert not Guard(NodeConfig(family=V6, lab=lab)).acceptable((host, 6881))


def test_an_ipv6_address_is_never_an_ipv4_node() -> None:
    assert not Guard(LAB).acceptable(SOURCE)


def test_a_64_has_the_rate_of_one() -> None:
    guard = Guard(NodeConfig(family=V6, inbound_rate=1.0, inbound_burst=3.0))
    admitted = [guard.admits(f"2001:db8:7:8::{host:x}", 0.0) for host in range(1, 10)]
    assert sum(admitted) == 3
    assert guard.admits("2001:db8:7:9::1", 0.0)


def test_a_64_has_one_entry_and_a_48_two_in_a_bucket() -> None:
    node = Node(CONFIG, entropy=dice(), verify=verify, now=0.0)
    same = [Contact(bytes([255, n]) * 10, (f"2001:db8:7:8::{n:x}", 6881)) for n in range(1, 5)]
    node.add_known(same, 0.0)
    assert node.contacts == 1
    far = bytes([node.id[0] ^ 0x80])
    node.add_known([Contact(far + bytes([n]) * 19, (f"2001:db8:9:{n:x}::1", 6881)) for n in range(1, 5)], 0.0)
    assert node.contacts == 3


def test_the_address_is_voted_and_the_id_fits_it() -> None:
    node = Node(CONFIG, entropy=dice(), verify=verify, now=0.0)
    votes = AddressVotes(CONFIG)
    ours = pack_address(("2001:db8:ffff::9", 6881))
    elected = [votes.vote(f"2001:db8:{voter:x}::1", ours, 0.0) for voter in range(1, 26)]
    assert elected[-1] == "2001:db8:ffff::9"
    assert not is_local(pack_ip("2001:db8:ffff::9"))
    for voter in range(1, 26):
        answer_pings(node, contact6(voter), ours)
    assert ExternalAddressChanged("2001:db8:ffff::9") in events(node)
    assert is_bep42(node.id, pack_ip("2001:db8:ffff::9"))


def test_an_ipv4_address_has_no_vote_of_an_ipv6_node() -> None:
    votes = AddressVotes(CONFIG)
    assert not any(votes.vote(f"2001:db8:{v:x}::1", pack_ip("198.51.100.1"), 0.0) for v in range(1, 60))


@pytest.mark.parametrize("question", [FindNode(TARGET), GetPeers(TARGET), Get(TARGET)])
@pytest.mark.parametrize(
    ("want", "families"),
    [((), {V4}), ((b"n4",), {V4}), ((b"n6",), {V6}), ((b"n4", b"n6"), {V4, V6})],
)
def test_what_a_query_wants(
    question: FindNode | GetPeers | Get, want: tuple[bytes, ...], families: set[Family]
) -> None:
    node4, node6 = side_by_side()
    reply = ask(node4, Query(b"aa", OTHER_ID, question, want=want), ("198.51.100.9", 6881))
    assert {family for family in (V4, V6) if reply.nodes_of(family)} == families
    alone = {V6} if not want else {family for family in families if family is V6}
    node6.stand_beside(None)
    reply = ask(node6, Query(b"aa", OTHER_ID, question, want=want), SOURCE)
    assert {family for family in (V4, V6) if reply.nodes_of(family)} == alone


def test_a_want_of_another_form_is_passed_over() -> None:
    usual = encode_query(Query(b"aa", OTHER_ID, FindNode(TARGET), want=(b"n4", b"n6")), b"XX\x00\x01")
    for wanted, read in ((b"l2:n4e", (b"n4",)), (b"2:n6", ()), (b"l2:n9i4e2:n6e", (b"n6",)), (b"le", ())):
        query = parse(usual.replace(b"l2:n42:n6e", wanted))
        assert isinstance(query, Query)
        assert query.want == read


def test_a_node_beside_another_asks_for_both_and_passes_on_what_it_hears() -> None:
    node4, node6 = side_by_side()
    node4.datagrams_to_send()
    node4.find_node(TARGET, deadline=60.0, now=0.0)
    (sent, to), *_ = node4.datagrams_to_send()
    query = parse(sent)
    assert isinstance(query, Query)
    assert query.want == (b"n4", b"n6")
    stranger = Contact(OTHER_ID, ("2001:db8:99::1", 6881))
    near = nodes_member(V4, b"") + nodes_member(V6, pack_contact(stranger))
    known = next(contact for contact in node4.saved_contacts() if contact.address == to)
    answer = Replies(known.id, b"XX\x00\x01", V4).nodes(query.transaction, bytes(6), near)
    node4.receive_datagram(answer, to, 0.1)
    assert HeardOfOthers((stranger,)) in events(node4)
    before = node6.contacts
    node6.hear_of([stranger, Contact(OWN_ID, ("fe80::1", 6881))], 0.1)
    assert node6.contacts == before
    node6.handle_timer(1.0)
    assert stranger.address in [destination for _, destination in node6.datagrams_to_send()]


def side_by_side() -> tuple[Node, Node]:
    node4 = Node(NodeConfig(contact_quarantine=0.0), entropy=dice(4), verify=verify, now=0.0)
    node6 = Node(CONFIG, entropy=dice(6), verify=verify, now=0.0)
    node4.add_known([Contact(bytes([n]) * 20, (f"198.51.{n}.1", 6881)) for n in range(1, 9)], 0.0)
    node6.add_known([contact6(n) for n in range(1, 9)], 0.0)
    node4.stand_beside(node6)
    node6.stand_beside(node4)
    return node4, node6


def ask(node: Node, query: Query, source: Address) -> Reply:
    node.datagrams_to_send()
    node.receive_datagram(encode_query(query, b"XX\x00\x01"), source, 0.0)
    answer = parse(next(data for data, destination in node.datagrams_to_send() if destination == source))
    assert isinstance(answer, Reply)
    return answer


def answer_pings(node: Node, contact: Contact, external_ip: bytes) -> None:
    """Let a stranger be pinged, and answer with the address that it sees."""
    node.hear_of([contact], 0.0)
    node.handle_timer(1.0)
    for data, destination in node.datagrams_to_send():
        query = parse(data)
        if destination == contact.address and isinstance(query, Query) and isinstance(query.arguments, Ping):
            reply = Replies(contact.id, b"XX\x00\x01", V6).acknowledgement(query.transaction, external_ip)
            node.receive_datagram(reply, contact.address, 1.0)


def events(node: Node) -> list[object]:
    return list(iter(node.next_event, None))
