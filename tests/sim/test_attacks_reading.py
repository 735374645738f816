"""Attacks by those who answer a node: lies about values, about nodes, about itself. The core, at public addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Address, Contact
from services.dht_node.core.errors import Rejection
from services.dht_node.core.events import Event, ExternalAddressChanged, ImmutableFound, MutableFound
from services.dht_node.core.ids import is_bep42
from services.dht_node.core.items import MutablePut
from services.dht_node.core.messages import Get, Ping, Query
from shared.format import bencode, bep44
from shared.format.bep44 import MAX_SEQ
from tests.support.nodes import Author, get
from tests.support.public_node import Answer, PublicNode, answering, at, holding, naming, neighbour

WORLD = [neighbour(number) for number in range(12)]
OF = {contact.address: contact for contact in WORLD}
OUR_HOST, LIE = "45.77.1.1", "45.66.6.6"


def met(config: NodeConfig | None = None) -> PublicNode:
    """A node that knows the whole small world."""
    public = PublicNode(config)
    public.node.add_known(WORLD, 0.0)
    return public


def world(holds: dict[Address, dict[str, Any]] | None = None) -> Answer:
    """Everybody answers everything, with a token, and with what they hold."""

    def answer(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF:
            shown = (holds or {}).get(asked, {}) if isinstance(query.arguments, Get) else {}
            yield answering(query, OF[asked], nodes=b"", token=b"token", **shown), asked

    return answer


def read(public: PublicNode, author: Author, answer: Answer, *, settle: bool = True) -> MutableFound:
    get(author, settle=settle)(public.node, public.now)
    [found] = [event for event in public.play(answer) if isinstance(event, MutableFound)]
    return found


def everywhere(version: MutablePut) -> dict[Address, dict[str, Any]]:
    return {contact.address: holding(version) for contact in WORLD}


# --- spoofed replies


def test_a_reply_from_another_address_is_not_believed() -> None:
    public, author = met(), Author()

    def spoofing(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF:
            yield answering(query, OF[asked], token=b"t", **holding(author.version(1))), at(666)
            yield answering(query, OF[asked], token=b"t", **holding(author.version(1))), (asked[0], asked[1] + 1)

    found = read(public, author, spoofing)
    assert (found.versions, found.lookup.answered) == ((), 0)
    assert public.node.stats.rejected[Rejection.WRONG_SOURCE] >= 2 * found.lookup.asked
    assert public.verified == 0


def test_a_reply_with_another_transaction_id_is_not_believed() -> None:
    public, author = met(), Author()

    def guessing(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF:
            for guess in (
                b"",
                b"a",
                bytes(4),
                query.transaction[:2],
                query.transaction + b"x",
                query.transaction[::-1],
            ):
                guessed = query._replace(transaction=guess)
                yield answering(guessed, OF[asked], token=b"t", **holding(author.version(1))), asked

    found = read(public, author, guessing)
    assert (found.versions, found.lookup.answered) == ((), 0)
    rejected = public.node.stats.rejected
    assert rejected[Rejection.UNKNOWN_TRANSACTION] + rejected[Rejection.BAD_TRANSACTION_ID] >= 6 * found.lookup.asked


def test_a_second_answer_to_one_question_is_not_believed() -> None:
    public, author = met(), Author()

    def twice(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF:
            yield answering(query, OF[asked], token=b"t"), asked
            yield answering(query, OF[asked], token=b"t", **holding(author.version(1))), asked

    assert read(public, author, twice).versions == ()


# --- false values


def test_values_for_another_key_are_not_taken() -> None:
    public, author, other = met(), Author(1), Author(2)
    false = [
        holding(other.version(9)),
        holding(other.version(9)) | {"k": author.public_key},
        holding(Author(1, b"salt").version(9)),
        {"v": b"an immutable one"},
    ]
    holds = {contact.address: false[number % 4] for number, contact in enumerate(WORLD[:-1])}
    holds[WORLD[-1].address] = holding(author.version(1))
    found = read(public, author, world(holds))
    assert [version.seq for version in found.versions] == [1]
    rejected = public.node.stats.rejected
    assert rejected[Rejection.WRONG_KEY] + rejected[Rejection.BAD_SIGNATURE] == len(holds) - 1


def test_an_immutable_value_must_be_its_target() -> None:
    public = met()
    public.node.get_immutable(bep44.immutable_target(b"4:true"), deadline=20.0, now=0.0)
    false = {contact.address: {"v": b"fake"} for contact in WORLD}
    [found] = [event for event in public.play(world(false)) if isinstance(event, ImmutableFound)]
    assert found.value is None


def test_bad_signatures_in_bulk_cost_a_reader_one_verification_for_each_answer_and_no_more() -> None:
    public, author = met(), Author()
    same = replace(author.version(9), signature=bytes(64))
    read(public, author, world(everywhere(same)))
    assert public.verified == 1
    distinct = {
        contact.address: holding(replace(author.version(9), signature=bytes([number]) * 64))
        for number, contact in enumerate(WORLD)
    }
    found = read(public, author, world(distinct))
    assert found.versions == ()
    assert public.verified <= 1 + found.lookup.asked <= 1 + len(WORLD)


# --- older versions


def test_rollback_to_an_older_version_is_suspected_aloud() -> None:
    public, author = met(), Author()
    assert not read(public, author, world(everywhere(author.version(7)))).rollback_suspected
    rolled_back = read(public, author, world(everywhere(author.version(6))))
    assert [version.seq for version in rolled_back.versions] == [6]
    assert rolled_back.rollback_suspected
    assert not read(public, author, world()).rollback_suspected
    assert not read(public, author, world(everywhere(author.version(8)))).rollback_suspected


def test_a_reader_in_a_hurry_does_not_take_an_older_version_while_a_newer_may_come() -> None:
    public, author = met(), Author()
    read(public, author, world(everywhere(author.version(7))))
    target = int.from_bytes(author.target, "big")
    eighth = sorted(WORLD, key=lambda contact: int.from_bytes(contact.id, "big") ^ target)[7]
    holds = everywhere(author.version(6)) | {eighth.address: holding(author.version(7))}
    found = read(public, author, world(holds), settle=False)
    assert found.versions[0].seq == 7
    assert not found.rollback_suspected


def test_what_we_wrote_ourselves_is_remembered_too() -> None:
    public, author = met(), Author()
    version = author.version(5)
    public.node.put_mutable(version, 8, deadline=20.0, now=0.0)
    public.play(world())
    assert read(public, author, world(everywhere(author.version(4)))).rollback_suspected


def test_the_memory_of_seqs_is_bounded() -> None:
    public = met(NodeConfig(contact_quarantine=0.0, seqs_remembered_max=2))
    for number in (1, 2, 3):
        read(public, Author(number), world(everywhere(Author(number).version(7))))
    assert not read(public, Author(1), world(everywhere(Author(1).version(6)))).rollback_suspected
    assert read(public, Author(3), world(everywhere(Author(3).version(6)))).rollback_suspected


def test_the_highest_seq_is_read_and_one_above_it_is_no_reply() -> None:
    public, author = met(), Author()
    last = author.version(MAX_SEQ)
    beyond = holding(last) | {"seq": MAX_SEQ + 1}
    holds = everywhere(last) | {contact.address: beyond for contact in WORLD[1:]}
    found = read(public, author, world(holds))
    assert [(version.seq, version.holders) for version in found.versions] == [(MAX_SEQ, 1)]
    assert public.node.stats.rejected[Rejection.MALFORMED_REPLY] > 0


# --- withheld values


def test_a_value_withheld_until_we_prove_ourselves_is_asked_for_with_the_token() -> None:
    public, author = met(), Author()
    shy = holding(author.version(3))

    def withholding(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF and isinstance(query.arguments, Get):
            shown = shy if query.arguments.token == b"mine" else {"seq": 3}
            yield answering(query, OF[asked], nodes=b"", token=b"mine", **shown), asked

    found = read(public, author, withholding)
    assert [(version.seq, version.holders) for version in found.versions] == [(3, found.lookup.answered)]
    assert found.lookup.asked <= 2 * len(WORLD)


def test_a_node_that_never_shows_what_it_holds_is_asked_twice_and_not_for_ever() -> None:
    public, author = met(), Author()
    found = read(public, author, world({contact.address: {"seq": 3} for contact in WORLD}))
    assert found.versions == ()
    assert found.lookup.complete
    assert found.lookup.asked <= 2 * len(WORLD)


# --- poisoned nodes


def poison(public: PublicNode) -> bytes:
    """Contacts that no honest node names."""
    hosts = [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
    ]
    impossible = [Contact(bytes(19) + bytes([number]), (host, 6881)) for number, host in enumerate(hosts)]
    return naming([*impossible, Contact(bytes(20), (at(1)[0], 0)), Contact(public.node.id, at(2))])


def test_poisoned_nodes_are_never_asked() -> None:
    public = met()
    asked: set[Address] = set()

    def poisoning(query: Query, destination: Address) -> Iterable[tuple[bytes, Address]]:
        asked.add(destination)
        return (
            [(answering(query, OF[destination], nodes=poison(public), token=b"t"), destination)]
            if destination in OF
            else []
        )

    read(public, Author(), poisoning)
    assert asked <= set(OF)
    assert public.node.contacts <= len(WORLD)


def test_thousands_of_made_up_nodes_cost_a_bounded_number_of_queries() -> None:
    public, author = met(), Author()
    made_up = 0

    def inventing(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        """Each answer names 70 nodes, ever nearer to the target, and all of them answer."""
        nonlocal made_up
        target = int.from_bytes(author.target, "big")
        named = []
        for _ in range(70):
            made_up += 1
            named.append(Contact((target ^ (1 << 150) - made_up * 2**130).to_bytes(20, "big"), at(made_up)))
        sender = OF.get(asked) or invented.get(asked)
        invented.update((contact.address, contact) for contact in named)
        if sender is not None:
            yield answering(query, sender, nodes=naming(named), token=b"t"), asked

    invented: dict[Address, Contact] = {}
    found = read(public, author, inventing)
    assert found.lookup.asked <= 128
    assert public.node.contacts <= 160 * 8


def test_a_list_of_nodes_beyond_a_datagram_is_dropped_unread() -> None:
    public, author = met(), Author()
    flood = naming(neighbour(number) for number in range(3000))

    def flooding(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF:
            yield answering(query, OF[asked], nodes=flood, token=b"t"), asked

    found = read(public, author, flooding)
    assert found.lookup.answered == 0
    assert public.node.stats.rejected[Rejection.TOO_LARGE] >= found.lookup.asked


def test_nodes_that_are_only_named_do_not_get_into_the_table() -> None:
    public = met()
    named = naming(neighbour(1000 + number) for number in range(20))

    def naming_others(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in OF:
            yield answering(query, OF[asked], nodes=named, token=b"t"), asked

    read(public, Author(), naming_others)
    assert public.node.contacts <= len(WORLD)


# --- lies about our own address


def vote(public: PublicNode, told: Iterable[tuple[int, str]]) -> list[Event]:
    """Meet nodes and ask each: `(network it is in, the address it says is ours)`. Those met repeat their word."""
    events: list[Event] = []
    said: dict[Address, tuple[Contact, bytes]] = {}

    def telling(query: Query, asked: Address) -> Iterator[tuple[bytes, Address]]:
        if asked in said:
            voter, ip = said[asked]
            yield answering(query, voter, nodes=b"", ip=ip), asked

    for network, host in told:
        voter = Contact(bytes([network & 255]) * 20, at(network))
        said[voter.address] = voter, bytes(map(int, host.split("."))) + b"\x1a\xe1"
        public.ask(Ping(), voter.address, voter.id)
        public.node.find_node(voter.id, deadline=public.now + 1, now=public.now)
        events += public.play(telling, seconds=0.5)
    return events


def changes(events: Iterable[Event]) -> list[str]:
    return [event.host for event in events if isinstance(event, ExternalAddressChanged)]


def test_a_single_lying_voter_does_not_change_who_we_are() -> None:
    public = PublicNode()
    before = public.node.id
    assert changes(vote(public, [(300, LIE)] * 50)) == []
    assert public.node.id == before
    honest = [(network, OUR_HOST) for network in range(400, 430)]
    assert changes(vote(public, [*honest, (300, LIE), (300, LIE)])) == [OUR_HOST]
    assert is_bep42(public.node.id, bytes(map(int, OUR_HOST.split("."))))


@pytest.mark.parametrize("form", ["unasked", "spoofed"])
def test_who_was_not_asked_has_no_vote(form: str) -> None:
    public = PublicNode()
    before = public.node.id
    ip = bytes(map(int, LIE.split("."))) + b"\x1a\xe1"
    for network in range(100):
        body = {b"t": b"aaaa" if form == "unasked" else bytes(4), b"y": b"r", b"ip": ip, b"r": {b"id": bytes(20)}}
        public.send(bencode.encode(body), at(network))
    assert public.node.external_host is None
    assert public.node.id == before
