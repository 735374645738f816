"""Whatever happens to a routing table, in whatever order, its rules hold."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.contact import Contact, prefix, unpack_contacts
from services.dht_node.core.family import V4
from services.dht_node.core.ids import ID_BITS, distance, shared_bits
from services.dht_node.core.routing import DECIDING_BITS, RoutingTable
from shared.format import bencode
from tests.support.dht_parts import OTHER_ID, OWN_ID, id_in_bucket

CONFIG = NodeConfig(bucket_sizes=(6, 4), k=3, keep_last=3, contact_quarantine=50.0)

ids = st.builds(id_in_bucket, st.just(OWN_ID), st.integers(0, 6), st.integers(0, 12))
addresses = st.builds(lambda net, host: (f"198.51.{net}.{host}", 6881 + host % 2), st.integers(0, 9), st.integers(1, 4))
contacts = st.builds(Contact, ids, addresses)


class Table(RuleBasedStateMachine):
    """A table, and a model of what it may know: who answered, and since when."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.table = RoutingTable(OWN_ID, CONFIG, self.now)
        self.answered: set[Contact] = set()
        self.failures: Counter[Contact] = Counter()

    def entries(self) -> list[Contact]:
        return self.table.saved()

    @rule(contact=contacts)
    def answer(self, contact: Contact) -> None:
        before = set(self.entries())
        became = self.table.answered(contact, self.now)
        self.answered.add(contact)
        self.failures[contact] = 0
        assert became == (contact in self.entries())
        for gone in before - set(self.entries()):
            assert self.failures[gone] >= CONFIG.bad_failures or gone.address == contact.address

    @rule(contact=contacts)
    def ask(self, contact: Contact) -> None:
        before = self.entries()
        self.table.heard_from(contact, self.now)
        assert self.entries() == before

    @rule(contact=contacts)
    def fail(self, contact: Contact) -> None:
        self.failures[contact] += 1
        self.table.failed(contact, self.now)

    @rule(index=st.integers(0, 15))
    def fail_an_entry(self, index: int) -> None:
        entries = self.entries()
        if entries:
            self.fail(entries[index % len(entries)])

    @rule(seconds=st.sampled_from([1.0, 20.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(own_id=st.sampled_from([OWN_ID, OTHER_ID]))
    def take_another_id(self, own_id: bytes) -> None:
        self.table.rebuild(own_id, self.now)
        assert self.table.own_id == own_id

    @rule(sought=ids)
    def tell(self, sought: bytes) -> None:
        member = bencode.decode(b"d%be" % self.table.packed_closest(sought, self.now))
        named = unpack_contacts(member[b"nodes"], V4)
        assert len(named) == len(set(named)) <= CONFIG.k
        assert set(named) <= set(self.entries())
        assert not any(self.failures[contact] for contact in named)
        undecided = max(ID_BITS - 1 - DECIDING_BITS - shared_bits(sought, self.table.own_id), 0)
        assert list(named) == sorted(named, key=lambda contact: distance(contact.id, sought) >> undecided)

    @rule(sought=ids, n=st.integers(1, 20))
    def look_up(self, sought: bytes, n: int) -> None:
        alive = [contact for contact in self.entries() if self.failures[contact] < CONFIG.bad_failures]
        assert self.table.closest(sought, n) == sorted(alive, key=lambda c: distance(c.id, sought))[:n]

    @invariant()
    def every_entry_answered_us(self) -> None:
        assert set(self.entries()) <= self.answered
        assert len(self.entries()) == len(self.table)

    @invariant()
    def ids_and_addresses_are_distinct(self) -> None:
        entries = self.entries()
        assert len({contact.id for contact in entries}) == len(entries)
        assert len({contact.address[0] for contact in entries}) == len(entries)

    @invariant()
    def no_bucket_is_over_its_size_nor_owned_by_a_network(self) -> None:
        places: Counter[int] = Counter()
        networks: Counter[tuple[int, bytes]] = Counter()
        for contact in self.entries():
            index = shared_bits(contact.id, self.table.own_id)
            places[index] += 1
            networks[index, prefix(contact.address[0])] += 1
        assert all(count <= (CONFIG.bucket_sizes[i] if i < 2 else CONFIG.k) for i, count in places.items())
        assert max(networks.values(), default=0) <= 2

    @invariant()
    def a_bad_entry_is_kept_only_among_the_last(self) -> None:
        if any(self.failures[contact] >= CONFIG.bad_failures for contact in self.entries()):
            assert len(self.table) <= CONFIG.keep_last


TestTable = Table.TestCase
TestTable.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
