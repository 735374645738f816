"""Whatever strangers put, ask for and renew, and however time passes: the store keeps its bounds and its word."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.messages import Item
from services.dht_node.core.storage import ITEM_OVERHEAD, ItemStore
from tests.support.dht_parts import OWN_ID, id_in_bucket

CONFIG = NodeConfig(items_max=12, item_bytes_max=12 * (ITEM_OVERHEAD + 40), network_share=0.34, item_lifetime=100.0)
SHARE = 4

targets = st.builds(id_in_bucket, st.just(OWN_ID), st.integers(0, 20), st.integers(0, 2))
networks = st.sampled_from([b"one", b"two", b"six", b"ten"])
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("put"), targets, networks, st.integers(1, 200)),
        st.tuples(st.just("ask"), targets, networks, st.just(0)),
        st.tuples(st.just("refresh"), targets, networks, st.just(0)),
        st.tuples(st.just("wait"), targets, networks, st.integers(1, 40)),
    ),
    max_size=80,
)


@given(deeds)
def test_bounds_and_shares_hold_and_a_refused_put_changes_nothing(history: list[tuple[str, bytes, bytes, int]]) -> None:
    store, now = ItemStore(OWN_ID, CONFIG), 0.0
    for deed, target, network, amount in history:
        if deed == "wait":
            now += amount
        elif deed == "put":
            put(store, target, Item(bytes(amount)), network, now)
        elif store.get(target, now) is not None:
            if deed == "ask":
                store.asked_for(target, network)
            else:
                store.refresh(target, now)
        check(store, now)
    store.expire(now + 100.0)
    assert (len(store), store.bytes_held, store.next_expiry()) == (0, 0, None)


def put(store: ItemStore, target: bytes, item: Item, network: bytes, now: float) -> None:
    store.expire(now)
    before = {row.target: row.item for row in store.saved(now)}
    if store.put(target, item, now, network):
        assert store.get(target, now) == item
    else:
        assert {row.target: row.item for row in store.saved(now)} == before


def check(store: ItemStore, now: float) -> None:
    store.expire(now)
    saved = store.saved(now)
    assert len(store) == len(saved) <= CONFIG.items_max
    assert store.bytes_held == sum(len(row.item.value) + ITEM_OVERHEAD for row in saved) <= CONFIG.item_bytes_max
    assert max(Counter(row.network for row in saved).values(), default=0) <= SHARE
    assert all(store.get(row.target, now) == row.item for row in saved)
