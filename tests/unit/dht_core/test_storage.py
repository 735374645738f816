from __future__ import annotations

import tracemalloc

import pytest

from services.dht_node.core.config import NodeConfig
from services.dht_node.core.messages import Item, Put
from services.dht_node.core.storage import (
    EXPIRED_AT_ONCE,
    EXPIRED_BY_A_PUT,
    ITEM_OVERHEAD,
    ItemStore,
    SavedItem,
    Standing,
)
from tests.support.dht_parts import OTHER_ID, OWN_ID, id_in_bucket

HOURS_2 = 2 * 3600.0
KEY, SIGNATURE = bytes(32), bytes(64)
ITEM = Item(b"1:x", KEY, SIGNATURE, 5)
TARGET = OTHER_ID


@pytest.fixture
def store() -> ItemStore:
    return ItemStore(OWN_ID, NodeConfig())


def put(seq: int, value: bytes = b"1:x", cas: int | None = None) -> Put:
    return Put(b"token", value, KEY, SIGNATURE, seq, cas=cas)


def test_an_item_lives_two_hours_after_its_last_put(store: ItemStore) -> None:
    store.put(TARGET, ITEM, 0.0)
    assert store.get(TARGET, HOURS_2 - 1) == ITEM
    assert store.get(TARGET, HOURS_2) is None
    store.refresh(TARGET, 100.0)
    store.expire(HOURS_2)
    assert store.get(TARGET, HOURS_2) == ITEM
    store.expire(HOURS_2 + 100)
    assert len(store) == store.bytes_held == 0


def test_expiry_takes_the_oldest_first_and_only_what_is_due(store: ItemStore) -> None:
    for number in range(10):
        store.put(id_in_bucket(OWN_ID, 3, number), ITEM, float(number))
    store.refresh(id_in_bucket(OWN_ID, 3, 0), 50.0)
    assert store.next_expiry() == HOURS_2 + 1
    store.expire(HOURS_2 + 5)
    assert len(store) == 5
    assert store.get(id_in_bucket(OWN_ID, 3, 0), HOURS_2 + 5) == ITEM


def test_what_expires_together_goes_in_slices_and_is_not_shown_meanwhile(store: ItemStore) -> None:
    targets = [id_in_bucket(OWN_ID, 3, number) for number in range(2 * EXPIRED_AT_ONCE + 1)]
    for target in targets:
        store.put(target, ITEM, 0.0)
    assert [store.expire(HOURS_2) for _ in range(3)] == [True, True, False]
    assert len(store) == store.bytes_held == 0
    for target in targets:
        store.put(target, ITEM, 0.0)
    assert store.put(TARGET, ITEM, HOURS_2)
    assert len(targets) - EXPIRED_BY_A_PUT < len(store) <= len(targets)
    assert store.get(targets[-1], HOURS_2) is None


@pytest.mark.parametrize("item", [ITEM, Item(b"1:x"), Item(b"", KEY, SIGNATURE, 2**63 - 1)])
@pytest.mark.parametrize("network", [b"", b"\x7f\x00\x01", b"\x20\x01\x0d\xb8\x00\x00"])
def test_an_item_comes_back_as_it_was_put(store: ItemStore, item: Item, network: bytes) -> None:
    store.put(TARGET, item, 1.0, network)
    store.refresh(TARGET, 2.0)
    assert store.saved(2.0) == [SavedItem(TARGET, item, HOURS_2, network)]
    assert store.get(TARGET, 2.0) == item


def test_a_stored_item_takes_at_most_two_kilobytes() -> None:
    store = ItemStore(OWN_ID, NodeConfig())
    items = [Item(b"900:" + bytes([number % 256]) * 900, bytes(32), bytes(64), 1) for number in range(2)]
    tracemalloc.start()
    for number in range(2000):
        copy = items[number % 2]._replace(value=bytes(bytearray(items[number % 2].value)))
        store.put(id_in_bucket(OWN_ID, 3, number), copy, 0.0, number.to_bytes(3, "big"))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(store) < 2000


def test_no_expiry_is_due_in_an_empty_store(store: ItemStore) -> None:
    store.expire(1e9)
    assert store.next_expiry() is None


STANDINGS = {
    "newer": (put(6), Standing.NEW),
    "newer with the right cas": (put(6, cas=5), Standing.NEW),
    "older": (put(4), Standing.SEQ_TOO_LOW),
    "equal seq, another value": (put(5, b"1:y"), Standing.SEQ_TOO_LOW),
    "identical": (put(5), Standing.IDENTICAL),
    "identical, whatever the cas": (put(5, cas=1), Standing.IDENTICAL),
    "newer with a wrong cas": (put(6, cas=4), Standing.CAS_MISMATCH),
    "insert if absent": (put(6, cas=0), Standing.CAS_MISMATCH),
    "older with a wrong cas": (put(4, cas=3), Standing.CAS_MISMATCH),
    "equal seq with that cas": (put(5, b"1:y", cas=5), Standing.SEQ_TOO_LOW),
}


@pytest.mark.parametrize(("asked", "standing"), STANDINGS.values(), ids=STANDINGS)
def test_how_a_put_stands(store: ItemStore, asked: Put, standing: Standing) -> None:
    store.put(TARGET, ITEM, 0.0)
    assert store.standing(TARGET, asked, 1.0) is standing


@pytest.mark.parametrize("asked", [put(1), put(6, cas=5), put(6, cas=0)])
def test_every_put_is_new_where_nothing_is_stored(store: ItemStore, asked: Put) -> None:
    assert store.standing(TARGET, asked, 0.0) is Standing.NEW


def test_an_expired_item_has_no_say(store: ItemStore) -> None:
    store.put(TARGET, ITEM, 0.0)
    assert store.standing(TARGET, put(1, cas=9), HOURS_2) is Standing.NEW


def test_a_replaced_item_is_counted_once(store: ItemStore) -> None:
    store.put(TARGET, ITEM, 0.0)
    store.put(TARGET, Item(b"10:0123456789", KEY, SIGNATURE, 6), 1.0)
    assert len(store) == 1
    assert store.bytes_held == len(b"10:0123456789") + ITEM_OVERHEAD


def test_when_full_the_farthest_goes_first_and_a_farther_one_is_refused() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=3))
    targets = [id_in_bucket(OWN_ID, bits, 1) for bits in (2, 5, 9)]
    assert all(store.put(target, ITEM, 0.0) for target in targets)
    assert not store.put(id_in_bucket(OWN_ID, 1, 1), ITEM, 1.0)
    assert not store.put(id_in_bucket(OWN_ID, 2, 2), ITEM, 1.0)
    assert store.put(id_in_bucket(OWN_ID, 7, 1), ITEM, 1.0)
    assert store.get(targets[0], 1.0) is None
    assert len(store) == 3
    assert store.evicted == 1


def test_bytes_are_bounded_too() -> None:
    store = ItemStore(OWN_ID, NodeConfig(item_bytes_max=3 * (3 + ITEM_OVERHEAD)))
    stored = [store.put(id_in_bucket(OWN_ID, 4, number), ITEM, 0.0) for number in range(5)]
    assert stored == [True] * 3 + [False] * 2
    assert store.bytes_held <= 3 * (3 + ITEM_OVERHEAD)


def test_a_newer_version_that_does_not_fit_leaves_the_older_in_place() -> None:
    store = ItemStore(OWN_ID, NodeConfig(item_bytes_max=2 * (3 + ITEM_OVERHEAD)))
    targets = [id_in_bucket(OWN_ID, 4, number) for number in range(2)]
    assert all(store.put(target, ITEM, 0.0) for target in targets)
    assert not store.put(targets[0], Item(b"10:0123456789", KEY, SIGNATURE, 6), 1.0)
    assert [store.get(target, 1.0) for target in targets] == [ITEM, ITEM]


def test_a_newer_version_makes_room_for_itself_and_not_of_itself() -> None:
    store = ItemStore(OWN_ID, NodeConfig(item_bytes_max=2 * (3 + ITEM_OVERHEAD)))
    near, far = id_in_bucket(OWN_ID, 9, 1), id_in_bucket(OWN_ID, 1, 1)
    for target in (near, far):
        store.put(target, ITEM, 0.0)
    newer = Item(b"10:0123456789", KEY, SIGNATURE, 6)
    assert not store.put(far, newer, 1.0)
    assert store.put(near, newer, 1.0)
    assert (store.get(near, 1.0), store.get(far, 1.0)) == (newer, None)


def test_one_that_would_not_fit_even_then_pushes_nothing_out() -> None:
    store = ItemStore(OWN_ID, NodeConfig(item_bytes_max=3 * (3 + ITEM_OVERHEAD)))
    held = [id_in_bucket(OWN_ID, bits, 1) for bits in (1, 8, 9)]
    for target in held:
        store.put(target, ITEM, 0.0)
    assert not store.put(id_in_bucket(OWN_ID, 5, 1), Item(b"999:" + bytes(999)), 1.0)
    assert all(store.get(target, 1.0) for target in held)


def test_what_many_networks_ask_for_stays_longer_than_what_is_as_near() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=2))
    asked, unasked = (id_in_bucket(OWN_ID, 5, number) for number in range(2))
    for target in (asked, unasked):
        store.put(target, ITEM, 0.0)
    for number in range(9):
        store.asked_for(asked, bytes([9, 9, number]))
    assert store.put(id_in_bucket(OWN_ID, 6, 1), ITEM, 1.0)
    assert store.get(unasked, 1.0) is None
    assert not store.put(id_in_bucket(OWN_ID, 6, 2), ITEM, 1.0)
    assert store.put(id_in_bucket(OWN_ID, 14, 2), ITEM, 1.0)


def test_one_network_asking_again_and_again_counts_once_and_all_together_for_six_bits() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=1))
    target = id_in_bucket(OWN_ID, 5, 1)
    store.put(target, ITEM, 0.0)
    for _ in range(100):
        store.asked_for(target, b"one")
    assert store.put(id_in_bucket(OWN_ID, 7, 1), ITEM, 0.0)
    for number in range(1000):
        store.asked_for(id_in_bucket(OWN_ID, 7, 1), number.to_bytes(3, "big"))
    assert not store.put(id_in_bucket(OWN_ID, 13, 1), ITEM, 0.0)
    assert store.put(id_in_bucket(OWN_ID, 14, 1), ITEM, 0.0)


def test_a_network_fills_its_share_and_no_more() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=100))
    stored = [store.put(id_in_bucket(OWN_ID, 4, number), ITEM, 0.0, b"one") for number in range(20)]
    assert stored == [True] * 10 + [False] * 10
    assert (store.over_quota, store.evicted) == (10, 0)
    assert store.put(id_in_bucket(OWN_ID, 4, 99), ITEM, 0.0, b"two")
    assert store.put(id_in_bucket(OWN_ID, 4, 0), replace_seq(6), 0.0, b"one")
    store.expire(HOURS_2)
    assert store.put(id_in_bucket(OWN_ID, 4, 0), ITEM, HOURS_2, b"one")


def test_a_share_is_in_bytes_too() -> None:
    store = ItemStore(OWN_ID, NodeConfig(item_bytes_max=30 * (3 + ITEM_OVERHEAD)))
    assert [store.put(id_in_bucket(OWN_ID, 4, number), ITEM, 0.0, b"one") for number in range(4)] == [True] * 3 + [
        False
    ]


def test_a_full_network_may_renew_what_another_put_and_gains_no_place_by_it() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=10))
    mine, others = (id_in_bucket(OWN_ID, 4, number) for number in range(2))
    store.put(mine, ITEM, 0.0, b"one")
    store.put(others, ITEM, 0.0, b"two")
    assert store.put(others, replace_seq(6), 0.0, b"one")
    assert not store.put(id_in_bucket(OWN_ID, 4, 2), ITEM, 0.0, b"two")


def test_in_a_full_store_a_network_grows_only_at_the_cost_of_larger_ones() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=12, network_share=1.0))
    for number in range(8):
        store.put(id_in_bucket(OWN_ID, 2, number), ITEM, 0.0, b"large")
    for number in range(4):
        store.put(id_in_bucket(OWN_ID, 1, number), ITEM, 0.0, b"small%d" % number)
    stored = [store.put(id_in_bucket(OWN_ID, 9, number), ITEM, 0.0, b"newcomer") for number in range(10)]
    assert stored == [True] * 4 + [False] * 6
    assert all(store.get(id_in_bucket(OWN_ID, 1, number), 0.0) for number in range(4))


def test_expired_items_make_room() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=1))
    assert store.put(id_in_bucket(OWN_ID, 9, 1), ITEM, 0.0)
    assert store.put(id_in_bucket(OWN_ID, 1, 1), ITEM, HOURS_2)


def test_another_id_of_ours_changes_who_is_near() -> None:
    store = ItemStore(OWN_ID, NodeConfig(items_max=1))
    near, far = id_in_bucket(OWN_ID, 20, 1), OTHER_ID
    store.put(near, ITEM, 0.0)
    assert not store.put(far, ITEM, 0.0)
    store.adopt_id(OTHER_ID)
    assert store.put(far, ITEM, 0.0)
    assert store.get(near, 0.0) is None


def test_items_outlive_a_restart_for_what_is_left_of_their_lifetime(store: ItemStore) -> None:
    targets = [id_in_bucket(OWN_ID, 3, number) for number in range(3)]
    for number, target in enumerate(targets):
        store.put(target, replace_seq(number), 1000.0 * number)
    saved = store.saved(HOURS_2)
    assert [row.target for row in saved] == targets[1:]

    restarted = ItemStore(OWN_ID, NodeConfig())
    restarted.put(targets[2], replace_seq(9), 50.0)
    restarted.restore(reversed(saved), 50.0)
    assert restarted.get(targets[1], 50.0 + 999) == replace_seq(1)
    assert restarted.get(targets[2], 50.0) == replace_seq(9)
    restarted.expire(50.0 + 1000)
    assert len(restarted) == 1


def test_of_more_than_there_is_room_for_the_nearest_are_taken_back(store: ItemStore) -> None:
    for bits in range(6):
        store.put(id_in_bucket(OWN_ID, bits, 1), ITEM, 0.0)
    restarted = ItemStore(OWN_ID, NodeConfig(items_max=3))
    for bits in (1, 20):
        restarted.put(id_in_bucket(OWN_ID, bits, 2), ITEM, 0.0)
    restarted.restore(store.saved(0.0), 0.0)
    assert {row.target for row in restarted.saved(0.0)} == {
        id_in_bucket(OWN_ID, bits, number) for bits, number in ((4, 1), (5, 1), (20, 2))
    }


def test_a_saved_lifetime_is_not_believed_beyond_two_hours(store: ItemStore) -> None:
    store.put(TARGET, ITEM, 0.0)
    restarted = ItemStore(OWN_ID, NodeConfig())
    restarted.restore([row._replace(remaining=1e9) for row in store.saved(0.0)], 0.0)
    assert restarted.next_expiry() == HOURS_2


def replace_seq(seq: int) -> Item:
    return ITEM._replace(seq=seq)
